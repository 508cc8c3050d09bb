// CUDA for one kernel at a time on the processor: a fiber for each thread of a block, blocks one after the other.
// Fibers of odd blocks run backwards and shared memory begins as NaN, so that a missing barrier changes results.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <ucontext.h>
#include <utility>
#include <vector>

using std::log2;
using std::min;
using std::nan;

// As wrong as CUDA's may be (Programming Guide, "Mathematical Functions"), in either direction.
static float off(float y, float x, float absolute) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    const float side = bits & 1 ? 1 : -1;
    return absolute ? y + side * absolute : nextafterf(nextafterf(y, side * INFINITY), side * INFINITY);
}
static float rough_log2(float x) { return off(log2f(x), x, x >= 0.5f && x <= 2 ? 0x1p-22f : 0); }
static float exp2(float x) { return off(exp2f(x), x, 0); }
#define __log2f rough_log2

#define __global__ static
#define __device__ inline
#define __shared__
#define __restrict__

struct dim3 {
    unsigned x, y, z;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

constexpr int SHARED = 48 * 1024, STACK = 64 * 1024;
alignas(16) double memory[SHARED / 8 + 1];

static ucontext_t scheduler;
static std::vector<ucontext_t> fibers;
static std::vector<char> state;  // 0 running, 1 at a barrier, 2 done
static unsigned current;

static void __syncthreads() {
    state[current] = 1;
    swapcontext(&fibers[current], &scheduler);
}

template <typename number>
static number atomicAdd(number *place, number value) {
    return __atomic_fetch_add(place, value, __ATOMIC_RELAXED);
}

static void fail(const char *message) {
    fprintf(stderr, "%s\n", message);
    abort();
}

template <typename... A, size_t... I>
static void call(void (*kernel)(A...), void **args, std::index_sequence<I...>) {
    kernel(*(std::remove_reference_t<A> *)args[I]...);
}

template <typename kernel_type>
struct Task {
    static kernel_type kernel;
    static void **args;
};
template <typename kernel_type>
kernel_type Task<kernel_type>::kernel;
template <typename kernel_type>
void **Task<kernel_type>::args;

template <typename... A>
static void entry() {
    using Each = Task<void (*)(A...)>;
    call(Each::kernel, Each::args, std::index_sequence_for<A...>());
    state[current] = 2;
}

// As cuLaunchKernel: `args` points to each argument.
template <typename... A>
static void launch(void (*kernel)(A...), const unsigned *grid, const unsigned *block, unsigned shared, void **args) {
    static std::vector<char> stacks;
    Task<void (*)(A...)>::kernel = kernel;
    Task<void (*)(A...)>::args = args;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    const unsigned n_threads = block[0] * block[1] * block[2];
    if (shared > SHARED || n_threads > 1024) fail("too much shared memory, or too many threads");
    stacks.resize(size_t(n_threads) * STACK);
    fibers.resize(n_threads);
    for (unsigned number = 0; number < grid[0] * grid[1] * grid[2]; ++number) {
        blockIdx = {number % grid[0], number / grid[0] % grid[1], number / grid[0] / grid[1]};
        memset(memory, 0xff, sizeof memory);
        state.assign(n_threads, 0);
        for (unsigned i = 0; i < n_threads; ++i) {
            getcontext(&fibers[i]);
            fibers[i].uc_stack.ss_sp = &stacks[size_t(i) * STACK];
            fibers[i].uc_stack.ss_size = STACK;
            fibers[i].uc_link = &scheduler;
            makecontext(&fibers[i], entry<A...>, 0);
        }
        for (bool more = true; more;) {
            for (unsigned i = 0; i < n_threads; ++i) {
                current = number % 2 ? n_threads - 1 - i : i;
                threadIdx = {current % block[0], current / block[0] % block[1], current / block[0] / block[1]};
                swapcontext(&scheduler, &fibers[current]);
            }
            for (unsigned i = 1; i < n_threads; ++i)
                if (state[i] != state[0]) fail("threads wait at different barriers");
            more = state[0] == 1;
        }
        for (unsigned i = shared; i < sizeof memory; ++i)
            if (((unsigned char *)memory)[i] != 0xff) fail("a write beyond the shared memory that was asked for");
    }
}
