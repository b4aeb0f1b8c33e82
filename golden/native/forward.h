// One step forward: the hidden codes of a block live on the stack and are never stored.
#pragma once

#include "bytes.h"

constexpr float LOWEST = -128.0f, HIGHEST = 127.0f;  // codes of a state

// The sums of a channel's filters over a block of cells; `center` is its first cell.
static INLINE void perceive(const float *center, int stride, const float kernels[M][9],
                            const float offsets[M], vec sums[M][2]) {
  vec acc[M][2];
  UNROLL for (int m = 0; m < M; ++m) acc[m][0] = acc[m][1] = all(offsets[m]);
  UNROLL for (int i = 0; i < 3; ++i) {
    UNROLL for (int j = 0; j < 3; ++j) {
      const float *tap = center + (i - 1) * stride + j - 1;
      const vec left = load(tap), right = load(tap + LANES);
      UNROLL for (int m = 0; m < M; ++m) {
        const vec weight = all(kernels[m][3 * i + j]);
        acc[m][0] += weight * left;
        acc[m][1] += weight * right;
      }
    }
  }
  UNROLL for (int m = 0; m < M; ++m) {
    sums[m][0] = acc[m][0];
    sums[m][1] = acc[m][1];
  }
}

template <bool exact> INLINE vec rectified(vec sum) {
  const vec positive = at_least(sum, 0.0f);
  return exact ? truncated(at_most(positive, 255.0f)) : positive;
}

// The hidden codes of a block of cells, by filter; `center` is its first cell in padded planes.
template <bool exact>
INLINE void hide(const float *center, const Weights &weights, const Shape &shape,
                 vec hidden[C * M][2]) {
  for (int c = 0; c < C; ++c) {
    vec sums[M][2];
    perceive(center + c * shape.padded(), shape.stride, weights.kernels[c], weights.offsets[c],
             sums);
    UNROLL for (int m = 0; m < M; ++m) {
      hidden[c * M + m][0] = rectified<exact>(sums[m][0]);
      hidden[c * M + m][1] = rectified<exact>(sums[m][1]);
    }
  }
}

// The same in words, those of four channels together; `center` is the first cell's word.
static INLINE void hide(const int32_t *center, const Codes &codes, const Shape &shape,
                        ints hidden[QUADS * M][2]) {
  for (int quad = 0; quad < QUADS; ++quad) {
    ints words[M][2] = {};
    UNROLL for (int j = 0; j < 4; ++j) {
      const int c = 4 * quad + j;
      if (c < C) {
        ints sums[M][2];
        perceive(center + c * shape.words(), shape.columns, codes, c, sums);
        UNROLL for (int m = 0; m < M; ++m) UNROLL for (int n = 0; n < 2; ++n)
          words[m][n] |= rectified(sums[m][n], codes.shifts[c][m]) << 8 * j;
      }
    }
    UNROLL for (int m = 0; m < M; ++m) UNROLL for (int n = 0; n < 2; ++n)
      hidden[quad * M + m][n] = words[m][n];
  }
}

// Change of `count` channels from `first` on.
template <bool exact, int count>
INLINE void mix(const vec hidden[C * M][2], const Weights &weights, int first,
                vec change[count][2]) {
  vec acc[count][2];
  UNROLL for (int o = 0; o < count; ++o) acc[o][0] = acc[o][1] = all(weights.bias[first + o]);
  const float *row = &weights.mix[0][0][first];
  for (int k = 0; k < C * M; ++k, row += C) {
    const vec left = hidden[k][0], right = hidden[k][1];
    UNROLL for (int o = 0; o < count; ++o) {
      const vec weight = all(row[o]);
      acc[o][0] += weight * left;
      acc[o][1] += weight * right;
    }
  }
  UNROLL for (int o = 0; o < count; ++o) UNROLL for (int n = 0; n < 2; ++n)
    change[o][n] = exact ? truncated(acc[o][n]) : acc[o][n];
}

template <bool exact, int count>
INLINE void mix(const ints hidden[QUADS * M][2], const Codes &codes, int first,
                vec change[count][2]) {
  ints acc[count][2];
  UNROLL for (int o = 0; o < count; ++o) acc[o][0] = acc[o][1] = every(codes.bias[first + o]);
  for (int k = 0; k < QUADS * M; ++k) {
    const ints left = hidden[k][0], right = hidden[k][1];
    UNROLL for (int o = 0; o < count; ++o) {
      acc[o][0] = dot(acc[o][0], left, codes.mix[k][first + o]);
      acc[o][1] = dot(acc[o][1], right, codes.mix[k][first + o]);
    }
  }
  UNROLL for (int o = 0; o < count; ++o) UNROLL for (int n = 0; n < 2; ++n)
    change[o][n] = __builtin_convertvector(
        cut(acc[o][n], codes.mix_shifts[first + o]), vec);
}

// What becomes of the states of `count` channels.
template <int count>
INLINE void settle(const vec change[count][2], int first, const float *center, const Shape &shape,
                   int y, int x, float *next) {
  UNROLL for (int o = 0; o < count; ++o) {
    const float *state = center + (first + o) * shape.padded();
    float block[BLOCK];
    UNROLL for (int n = 0; n < 2; ++n) {
      const vec sum = load(state + n * LANES) + change[o][n];
      store(block + n * LANES, at_most(at_least(sum, LOWEST), HIGHEST));
    }
    put(next + (first + o) * shape.cells() + size_t(y) * shape.width, block, x, shape);
  }
}

// All channels, in tiles as equal as can be: a small one would wait for its own sums.
template <bool exact, int first = 0, typename Hidden, typename Numbers>
INLINE void mix_all(const Hidden hidden[][2], const Numbers &numbers, const float *center,
                    const Shape &shape, int y, int x, float *next) {
  constexpr int most = ACCUMULATORS / 2, left = C - first, tiles = (left + most - 1) / most;
  constexpr int count = (left + tiles - 1) / tiles;
  vec change[count][2];
  mix<exact, count>(hidden, numbers, first, change);
  settle<count>(change, first, center, shape, y, x, next);
  if constexpr (count < left)
    mix_all<exact, first + count>(hidden, numbers, center, shape, y, x, next);
}

inline size_t forward_floats(const Shape &shape) { return C * (shape.padded() + shape.words()); }

// Computes on bytes if told to; else `codes` is not looked at.
template <bool exact, bool bytes>
void forward_image(const float *states, const Weights &weights, const Codes &codes,
                   const Shape &shape, float *planes, float *next) {
  int32_t *words = reinterpret_cast<int32_t *>(planes + C * shape.padded());
  pad(states, shape, planes);
  if (bytes) pack(planes, shape, words);
  for (int y = 0; y < shape.height; ++y)
    for (int x = 0; x < shape.columns; x += BLOCK) {
      const float *center = planes + shape.at(y, x);
      if constexpr (bytes) {
        ints hidden[QUADS * M][2];
        hide(words + shape.word(y, x), codes, shape, hidden);
        mix_all<exact>(hidden, codes, center, shape, y, x, next);
      } else {
        vec hidden[C * M][2];
        hide<exact>(center, weights, shape, hidden);
        mix_all<exact>(hidden, weights, center, shape, y, x, next);
      }
    }
}
