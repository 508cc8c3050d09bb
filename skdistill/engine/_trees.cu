// What a tree asks of rows in bins, each in a single kernel: where they go, and sums of integers per node, feature and
// bin, which are exact in whatever order they are added.

// The node that a row reaches from `node` by at most `steps` splits; a node without a split has feature -1.
__global__ void walk(const unsigned char *bins, const int *node, const int *feature, const int *last_bin,
                     const int *left, long long n_rows, int n_features, int steps, int *result) {
    const long long row = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= n_rows) return;
    int at = node[row];
    for (int i = 0; i < steps && feature[at] >= 0; ++i)
        at = left[at] + (bins[row * n_features + feature[at]] > last_bin[at]);
    result[row] = at;
}

// Shared memory adds 32 bits at once but 64 only by trying again, so that a sum is kept in two halves. Two's complement
// makes sums of negative numbers come out right.
__device__ void add(unsigned *low, unsigned *high, long long value) {
    const unsigned part = (unsigned)value, before = atomicAdd(low, part);
    const unsigned rest = (unsigned)(value >> 32) + (before + part < before);
    if (rest) atomicAdd(high, rest);
}

// A block of threads adds some rows up in shared memory, for one feature and a group of `slots_each` slots (nodes) and
// `columns_each` columns, then what is there to the result. Blocks are numbered (feature and group, rows).
__global__ void histograms(const unsigned char *bins, const double *sums, const int *node, const int *slot_of_node,
                           const int *starts, long long n_rows, int rows_each, int n_features, int n_columns,
                           int n_slots, int slots_each, int columns_each, unsigned long long *result) {
    extern __shared__ double memory[];
    const int feature = blockIdx.x % n_features, group = blockIdx.x / n_features;
    const int slot_groups = (n_slots + slots_each - 1) / slots_each;
    const int slot = group % slot_groups * slots_each, column = group / slot_groups * columns_each;
    const int columns = min(columns_each, n_columns - column), slots = min(slots_each, n_slots - slot);
    const int width = starts[feature + 1] - starts[feature], table = slots * width, cells = columns * table;
    const long long first = (long long)blockIdx.y * rows_each, end = min(first + rows_each, n_rows);
    unsigned *low = (unsigned *)memory, *high = low + cells;

    for (int i = threadIdx.x; i < cells; i += blockDim.x) low[i] = high[i] = 0;
    __syncthreads();
    for (long long row = first + threadIdx.x; row < end; row += blockDim.x) {
        const int own = slot_of_node[node[row]] - slot;
        if (own < 0 || own >= slots) continue;
        const int cell = own * width + bins[row * n_features + feature];
        for (int c = 0; c < columns; ++c)
            add(low + c * table + cell, high + c * table + cell, (long long)sums[row * n_columns + column + c]);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < cells; i += blockDim.x) {
        const unsigned long long sum = (unsigned long long)high[i] << 32 | low[i];
        if (!sum) continue;
        const int c = i / table, s = i % table / width, bin = i % table % width;
        const long long place = (long long)(slot + s) * starts[n_features] + starts[feature] + bin;
        atomicAdd(result + place * n_columns + column + c, sum);
    }
}
