// The step on bytes, for processors that multiply those four at a time: codes are no more. States
// are taken as unsigned bytes, 128 more than they are; hidden codes are unsigned as they come.
#pragma once

#include <cmath>

#include "layout.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>
constexpr bool BYTES = true;
#else
constexpr bool BYTES = false;
#endif

constexpr int QUADS = (C + 3) / 4;  // of channels; what the last one lacks has weights of 0
constexpr int ZERO = 128;           // byte of the state 0

// Adds the products of four unsigned bytes in each lane with the four signed ones of `weights`.
static INLINE ints dot(ints sum, ints codes, int32_t weights) {
#if defined(__AVX512VNNI__)
  return (ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)codes, _mm512_set1_epi32(weights));
#else
  for (int byte = 0; byte < 32; byte += 8)
    sum += (codes >> byte & 255) * int32_t(int8_t(weights >> byte));
  return sum;
#endif
}

static INLINE ints every(int32_t x) { return x - ints{}; }
static INLINE ints load(const int32_t *from) {
  return *reinterpret_cast<const unaligned_ints *>(from);
}
static INLINE void store(int32_t *to, ints x) { *reinterpret_cast<unaligned_ints *>(to) = x; }

// The weights as integers, those of an output with a shift of their own: value = code * 2**-shift.
struct Codes {
  bool fit;                   // whether they are to be taken so, and are integers of a byte
  int32_t kernels[C][M][3];   // the taps of a row in a word
  int32_t offsets[C][M], shifts[C][M];
  int32_t mix[QUADS * M][C];  // four channels in a word
  int32_t bias[C], mix_shifts[C];

  Codes(const Weights &weights, bool exact) : fit(BYTES && exact), mix{} {
    for (int c = 0; c < C && fit; ++c)
      for (int m = 0; m < M && fit; ++m)
        take_filter(weights.kernels[c][m], weights.offsets[c][m], c, m);
    for (int o = 0; o < C && fit; ++o) take_output(weights, o);
  }

 private:
  void take_filter(const float kernel[9], float offset, int c, int m) {
    int shift = 0;
    for (int t = 0; t < 9; ++t) shift = larger(shift, fraction(kernel[t]));
    if (!usable(shift, offset)) return;
    int total = 0;
    for (int i = 0; i < 3; ++i) {
      kernels[c][m][i] = 0;
      for (int j = 0; j < 3; ++j) {
        const int code = code_of(kernel[3 * i + j], shift);
        kernels[c][m][i] |= (code & 255) << 8 * j;
        total += code;
      }
    }
    // The sums of products are whole: what the offset has behind the point cannot matter.
    offsets[c][m] = int(std::floor(offset * float(1 << shift))) - ZERO * total;
    shifts[c][m] = shift;
  }

  void take_output(const Weights &weights, int o) {
    int shift = fraction(weights.bias[o]);
    for (int c = 0; c < C; ++c)
      for (int m = 0; m < M; ++m) shift = larger(shift, fraction(weights.mix[c][m][o]));
    if (!usable(shift, weights.bias[o])) return;
    for (int c = 0; c < C; ++c)
      for (int m = 0; m < M; ++m)
        mix[c / 4 * M + m][o] |= (code_of(weights.mix[c][m][o], shift) & 255) << 8 * (c % 4);
    bias[o] = int(weights.bias[o] * float(1 << shift));
    mix_shifts[o] = shift;
  }

  static int larger(int a, int b) { return a > b ? a : b; }

  // Bits behind the point; very many where it is no normal number.
  static int fraction(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int exponent = bits >> 23 & 255;
    if (x == 0) return 0;
    if (exponent == 0 || exponent == 255) return 99;
    return larger(0, 23 - (exponent - 127) - __builtin_ctz((bits & 0x7fffff) | 1 << 23));
  }

  bool usable(int shift, float added) {
    fit = shift <= 20 && std::fabs(added) < float(1 << 28 >> shift);
    return fit;
  }

  int code_of(float weight, int shift) {
    const float code = weight * float(1 << shift);
    fit = fit && code >= -128 && code <= 127;
    return fit ? int(code) : 0;
  }
};

// Each cell's word: its byte and its neighbours' to the left and right, from padded planes.
inline void pack(const float *planes, const Shape &shape, int32_t *words) {
  for (int c = 0; c < C; ++c)
    for (int y = -1; y <= shape.height; ++y)
      for (int x = 0; x < shape.columns; x += LANES) {
        const float *center = planes + c * shape.padded() + shape.at(y, x);
        ints word = {};
        UNROLL for (int j = 0; j < 3; ++j)
          word |= __builtin_convertvector(load(center + j - 1) + float(ZERO), ints) << 8 * j;
        store(words + c * shape.words() + shape.word(y, x), word);
      }
}

// The sums of a channel's filters over a block of cells; `center` is its first cell's word.
static INLINE void perceive(const int32_t *center, int columns, const Codes &codes, int c,
                            ints sums[M][2]) {
  ints acc[M][2];
  UNROLL for (int m = 0; m < M; ++m) acc[m][0] = acc[m][1] = every(codes.offsets[c][m]);
  UNROLL for (int i = 0; i < 3; ++i) {
    const ints left = load(center + (i - 1) * columns);
    const ints right = load(center + (i - 1) * columns + LANES);
    UNROLL for (int m = 0; m < M; ++m) {
      acc[m][0] = dot(acc[m][0], left, codes.kernels[c][m][i]);
      acc[m][1] = dot(acc[m][1], right, codes.kernels[c][m][i]);
    }
  }
  UNROLL for (int m = 0; m < M; ++m) {
    sums[m][0] = acc[m][0];
    sums[m][1] = acc[m][1];
  }
}

static INLINE ints rectified(ints sum, int shift) {
  const ints code = sum >> shift;
  const ints positive = code < 0 ? ints{} : code;
  return positive > 255 ? every(255) : positive;
}

static INLINE ints cut(ints change, int shift) {
  return (change + ((change >> 31) & ((1 << shift) - 1))) >> shift;
}
