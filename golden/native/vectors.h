// Vectors of floats as wide as the machine has them, as GCC and Clang spell them.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__)
constexpr int LANES = 16;
constexpr int REGISTERS = 32;
#elif defined(__AVX__)
constexpr int LANES = 8;
constexpr int REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int LANES = 4;
constexpr int REGISTERS = 32;
#else
constexpr int LANES = 4;
constexpr int REGISTERS = 16;
#endif

constexpr int ACCUMULATORS = REGISTERS - 4;  // leaves room for what is loaded

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef int32_t unaligned_ints
    __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

static INLINE vec load(const float *from) { return *reinterpret_cast<const unaligned *>(from); }
static INLINE void store(float *to, vec x) { *reinterpret_cast<unaligned *>(to) = x; }
static INLINE vec all(float x) { return x - vec{}; }

// Both keep a NaN: a training that diverges must show it.
static INLINE vec at_least(vec x, float low) { return x < all(low) ? all(low) : x; }
static INLINE vec at_most(vec x, float high) { return x > all(high) ? all(high) : x; }

static INLINE vec truncated(vec x) {
  return __builtin_convertvector(__builtin_convertvector(x, ints), vec);
}

static INLINE float total(vec x) {
  float sum = 0;
  for (int lane = 0; lane < LANES; ++lane) sum += x[lane];
  return sum;
}

// Has the compiler keep what is at an address in memory from here on, and not in registers.
static INLINE void in_memory(void *values) { asm volatile("" : : "r"(values) : "memory"); }

// A load that happens once: else the compiler may load anew for each product.
static INLINE vec load_once(const float *from) {
  vec x = load(from);
#if defined(__AVX512F__)
  asm("" : "+v"(x));
#elif defined(__x86_64__)
  asm("" : "+x"(x));
#endif
  return x;
}
