// One step forward: the hidden codes of a block live on the stack and are never stored.
#pragma once

#include "layout.h"

enum Rounding { FLOAT, CUT, NEAREST };  // of the change; hidden codes are rounded unless FLOAT

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

template <Rounding rounding> INLINE vec rounded(vec change) {
  if (rounding == CUT) return truncated(change);
  if (rounding == NEAREST) return floored(change + 0.5f);
  return change;
}

// Change of `count` channels from `first` on, and what becomes of their states; in `inside` a bit
// for each channel that is not saturated.
template <Rounding rounding, int count>
INLINE void mix(const vec hidden[C * M][2], const Weights &weights, int first, const float *center,
                const Shape &shape, int y, int x, float *next, ints inside[2]) {
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
  UNROLL for (int o = 0; o < count; ++o) {
    const float *state = center + (first + o) * shape.padded();
    float block[BLOCK];
    UNROLL for (int n = 0; n < 2; ++n) {
      const vec sum = load(state + n * LANES) + rounded<rounding>(acc[o][n]);
      store(block + n * LANES, at_most(at_least(sum, -128.0f), 127.0f));
      inside[n] |= (sum >= all(-128.0f)) & (sum <= all(127.0f)) & (1 << (first + o));
    }
    put(next + (first + o) * shape.cells() + size_t(y) * shape.width, block, x, shape);
  }
}

// All channels, in tiles as equal as can be: a small one would wait for its own sums.
template <Rounding rounding, int first = 0>
INLINE void mix_all(const vec hidden[C * M][2], const Weights &weights, const float *center,
                    const Shape &shape, int y, int x, float *next, ints inside[2]) {
  constexpr int most = ACCUMULATORS / 2, left = C - first, tiles = (left + most - 1) / most;
  constexpr int count = (left + tiles - 1) / tiles;
  mix<rounding, count>(hidden, weights, first, center, shape, y, x, next, inside);
  if constexpr (count < left)
    mix_all<rounding, first + count>(hidden, weights, center, shape, y, x, next, inside);
}

template <Rounding rounding>
void forward_image(const float *states, const Weights &weights, const Shape &shape, float *planes,
                   float *next, int32_t *inside) {
  pad(states, shape, planes);
  for (int y = 0; y < shape.height; ++y)
    for (int x = 0; x < shape.columns; x += BLOCK) {
      vec hidden[C * M][2];
      const float *center = planes + shape.at(y, x);
      for (int c = 0; c < C; ++c) {
        vec sums[M][2];
        perceive(center + c * shape.padded(), shape.stride, weights.kernels[c], weights.offsets[c],
                 sums);
        UNROLL for (int m = 0; m < M; ++m) {
          hidden[c * M + m][0] = rectified<rounding != FLOAT>(sums[m][0]);
          hidden[c * M + m][1] = rectified<rounding != FLOAT>(sums[m][1]);
        }
      }
      ints open[2] = {};
      mix_all<rounding>(hidden, weights, center, shape, y, x, next, open);
      int32_t block[BLOCK];
      memcpy(block, open, sizeof block);
      put(inside + size_t(y) * shape.width, block, x, shape);
    }
}
