// Soft labels of T teachers become one in a single kernel: each label is read once, each result written once.
//
// A block of threads takes a tile of rows, a thread one element of it (x its column, y its row), so that reads and
// writes are coalesced. What a row needs of itself, a sum or the logarithm of one, goes through shared memory, where an
// odd stride keeps rows in different banks. Labels and logarithms, which are to the base of 2, are in the type of the
// labels; what is summed over teachers is in double. FLOOR, VETO and TIE are defined by the caller.

enum Rule { MEAN, GEOMETRIC, MEDIAN, WEIGHTED_MEDIAN };

template <typename real, int T>
struct Committee {
    const real *labels[T];  // (n, k) each, row by row
    double weight[T];
    double power[T];  // 1 / temperature
};

// Every logarithm is exponentiated in the end, so its absolute error is what counts. That of the hardware's own is as
// small as the rounding of a float of this size.
__device__ float logarithm(float x) { return __log2f(x); }
__device__ double logarithm(double x) { return log2(x); }

// A comparison that lets NaN pass, which fmax does not.
template <typename real>
__device__ real at_least(real x, real floor) {
    return x < floor ? floor : x;
}

// Where a thread is, and the shared memory of its block.
struct Tile {
    int k, n_rows, stride, thread, n_threads, place;

    __device__ Tile()
        : k(blockDim.x), n_rows(blockDim.y), stride(k | 1), thread(threadIdx.y * k + threadIdx.x),
          n_threads(k * n_rows), place(threadIdx.y * stride + threadIdx.x) {}
};

// Of each of `n` rows the logarithm of the sum of exponentials.
template <typename real>
__device__ void log_totals(const Tile &tile, const real *values, real *totals, int n) {
    for (int i = tile.thread; i < n; i += tile.n_threads) {
        const real *row = values + i * tile.stride;
        real top = row[0], sum = 0;
        for (int c = 1; c < tile.k; ++c) top = at_least(row[c], top);
        for (int c = 0; c < tile.k; ++c) sum += exp2(row[c] - top);
        totals[i] = top + logarithm(sum);
    }
}

// The logarithm of a probability, from logarithms that are off by a constant of the row.
template <typename real>
__device__ real normalised(const Tile &tile, real score, real *values) {
    real *totals = values + tile.n_rows * tile.stride;
    values[tile.place] = score;
    __syncthreads();
    log_totals(tile, values, totals, tile.n_rows);
    __syncthreads();
    return score - totals[threadIdx.y];
}

// The median of T values, weighted or not: the average of the lower and the upper one. NaN where a value is.
template <int rule, typename real, int T>
__device__ double median(real (&value)[T], const double (&weight)[T]) {
    double mass[T];
    bool missing = false;
#pragma unroll
    for (int t = 0; t < T; ++t) {
        mass[t] = weight[t];
        missing |= value[t] != value[t];
    }
    if (missing) return nan("");
#pragma unroll
    for (int last = T - 1; last > 0; --last) {
#pragma unroll
        for (int i = 0; i < last; ++i) {
            const real low = value[i], high = value[i + 1];
            const double above = mass[i];
            const bool swap = low > high;
            value[i] = swap ? high : low;
            value[i + 1] = swap ? low : high;
            mass[i] = swap ? mass[i + 1] : above;
            mass[i + 1] = swap ? above : mass[i + 1];
        }
    }
    if (rule == MEDIAN) return ((double)value[(T - 1) / 2] + (double)value[T / 2]) / 2;
    // The lower median is the last value with less than half of the weight below it, the upper with half at most.
    real lower = value[0], upper = value[0];
    double below = 0;
#pragma unroll
    for (int t = 1; t < T; ++t) {
        below += mass[t - 1];
        if (below < 0.5 - TIE) lower = value[t];
        if (below <= 0.5 + TIE) upper = value[t];
    }
    return ((double)lower + (double)upper) / 2;
}

// Medians divided by their sum; three sure teachers, three classes: every median is 0, and means take their place.
__device__ double median_share(const Tile &tile, double median, double mean, double *values) {
    double *totals = values + 2 * tile.n_rows * tile.stride;
    __syncthreads();  // these are double, so that one lies where others' logarithms were
    values[tile.place] = median;
    values[tile.n_rows * tile.stride + tile.place] = mean;
    __syncthreads();
    for (int i = tile.thread; i < 2 * tile.n_rows; i += tile.n_threads) {
        totals[i] = 0;
        for (int c = 0; c < tile.k; ++c) totals[i] += values[i * tile.stride + c];
    }
    __syncthreads();
    return totals[threadIdx.y] > 0 ? median / totals[threadIdx.y] : mean / totals[tile.n_rows + threadIdx.y];
}

// Blocks of (k, rows) threads. Biases, to the base of 2, and `exponent` are of the committee's own scaling, if `scaled`.
template <int rule, typename real, int T>
__global__ void aggregated(Committee<real, T> committee, long long n, int tempered, int probabilities, int scaled,
                           double exponent, const double *bias, double *out) {
    extern __shared__ double memory[];
    real *values = (real *)memory;
    const Tile tile;
    const int size = tile.n_rows * tile.stride;
    const long long first = (long long)blockIdx.x * tile.n_rows, element = first * tile.k + tile.thread;
    const bool mine = first + threadIdx.y < n;  // the others fill the last tile, and meet at the barriers

    real value[T];
#pragma unroll
    for (int t = 0; t < T; ++t) value[t] = mine ? committee.labels[t][element] : (real)1;
    if (tempered) {
#pragma unroll
        for (int t = 0; t < T; ++t)
            values[t * size + tile.place] = (real)committee.power[t] * logarithm(at_least(value[t], (real)FLOOR));
        __syncthreads();
        log_totals(tile, values, values + T * size, T * tile.n_rows);
        __syncthreads();
    }
    double result = 0, mean = 0;
#pragma unroll
    for (int t = 0; t < T; ++t) {
        real score = 0;
        const bool moved = tempered && committee.power[t] != 1;
        if (moved) score = values[t * size + tile.place] - values[T * size + t * tile.n_rows + threadIdx.y];
        if (rule == GEOMETRIC) {
            if (!moved) score = logarithm(value[t]);
            result += committee.weight[t] * at_least(score, logarithm((real)VETO));
        } else {
            if (moved) value[t] = exp2(score);
            mean += committee.weight[t] * value[t];
        }
    }
    if (rule == MEAN) result = mean;
    if (rule == MEDIAN || rule == WEIGHTED_MEDIAN) {
        result = median<rule, real, T>(value, committee.weight);
        if (probabilities) result = median_share(tile, result, mean, memory);
    }
    if (rule == GEOMETRIC || scaled) {
        real score = rule == GEOMETRIC ? normalised(tile, (real)result, values) : logarithm((real)result);
        if (scaled) {
            score = exponent * at_least(score, logarithm((real)FLOOR)) + bias[threadIdx.x];
            score = normalised(tile, score, values);
        }
        result = exp2(score);
    }
    if (mine) out[element] = result;
}
