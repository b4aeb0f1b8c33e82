// One step backward: per image and channel its filters are computed anew, and blocks of sums are
// kept in registers so that what is loaded once is multiplied several times.
#pragma once

#include "forward.h"

// Gradients of the weights, a vector of partial sums each.
struct Gradients {
  vec kernels[C][M][9];
  vec offsets[C][M];
  vec mix[C][C][M];  // by the filter's channel, then output
  vec bias[C];

  // Adds up the lanes, in the layouts that `Weights` is made from.
  void total_into(float *k, float *off, float *u, float *b) const {
    for (int c = 0; c < C; ++c) {
      for (int m = 0; m < M; ++m) {
        for (int t = 0; t < 9; ++t) k[(m * C + c) * 9 + t] += total(kernels[c][m][t]);
        off[m * C + c] += total(offsets[c][m]);
        for (int o = 0; o < C; ++o) u[(o * M + m) * C + c] += total(mix[c][o][m]);
      }
      b[c] += total(bias[c]);
    }
  }
};

// The planes of one image.
struct Planes {
  float *states;  // padded, one a channel
  float *pull;    // gradient of the change, one a channel
  float *sums;    // padded, gradient of a channel's sums, one a filter
  float *hidden;  // a band of a channel's hidden codes, one a filter

  static size_t floats(const Shape &s) {
    return (C + M) * s.padded() + C * s.plane() + M * size_t(BAND) * s.columns;
  }
  Planes(float *memory, const Shape &s)
      : states(memory), pull(states + C * s.padded()), sums(pull + C * s.plane()),
        hidden(sums + M * s.padded()) {}
};

// The gradient; of a saturated state where following it leads back.
inline void take_pull(const float *gradient, const float *next, const Shape &shape, float *pull,
                      vec *bias) {
  for (int c = 0; c < C; ++c) {
    float *plane = pull + c * shape.plane();
    for (int y = 0; y < shape.height; ++y) {
      const size_t start = c * shape.cells() + size_t(y) * shape.width;
      const float *from = gradient + start, *state = next + start;
      float *row = plane + size_t(y) * shape.columns;
      for (int x = 0; x < shape.width; ++x) {
        const bool out = from[x] > 0.0f ? state[x] <= LOWEST : state[x] >= HIGHEST;
        row[x] = out ? 0.0f : from[x];
      }
    }
    for (size_t n = 0; n < size_t(shape.height) * shape.columns; n += LANES) bias[c] += load(plane + n);
  }
}

// Hidden codes of a block of channel c, and the gradient of its sums.
template <bool exact>
INLINE void hidden_block(const Planes &planes, const Weights &weights, const Shape &shape, int c,
                         int y, int x, vec offsets[M]) {
  vec acc[M][2] = {};
  const float *pull = planes.pull + size_t(y) * shape.columns + x;
  for (int o = 0; o < C; ++o, pull += shape.plane()) {
    const vec left = load(pull), right = load(pull + LANES);
    UNROLL for (int m = 0; m < M; ++m) {
      const vec weight = all(weights.mix_back[c][o][m]);
      acc[m][0] += weight * left;
      acc[m][1] += weight * right;
    }
  }
  vec pulled[M][2];
  UNROLL for (int m = 0; m < M; ++m) UNROLL for (int n = 0; n < 2; ++n) pulled[m][n] = acc[m][n];
  in_memory(pulled);  // with the sums to come they would not fit the registers
  vec sums[M][2];
  perceive(planes.states + c * shape.padded() + shape.at(y, x), shape.stride, weights.kernels[c],
           weights.offsets[c], sums);
  float *hidden = planes.hidden + size_t(y % BAND) * shape.columns + x;
  float *gradient = planes.sums + shape.at(y, x);
  UNROLL for (int m = 0; m < M; ++m) {
    vec passed[2];
    UNROLL for (int n = 0; n < 2; ++n) {
      const vec sum = sums[m][n];
      const ints open = exact ? (sum > all(0.5f)) & (sum < all(256.0f)) : sum > all(0.0f);
      passed[n] = open ? pulled[m][n] : vec{};
      store(hidden + m * size_t(BAND) * shape.columns + n * LANES, rectified<exact>(sum));
      store(gradient + m * shape.padded() + n * LANES, passed[n]);
    }
    offsets[m] += passed[0] + passed[1];
  }
}

// Gradient of the update's weights from a channel's filters to `count` outputs, over `cells` cells.
template <int count>
INLINE void mix_gradient(const float *hidden, size_t filter, const float *pull, size_t plane,
                         size_t cells, vec gradient[][M]) {
  vec acc[count][M];
  UNROLL for (int o = 0; o < count; ++o) UNROLL for (int m = 0; m < M; ++m)
    acc[o][m] = gradient[o][m];
  for (size_t n = 0; n < cells; n += LANES) {
    vec pulls[count];
    UNROLL for (int o = 0; o < count; ++o) pulls[o] = load(pull + o * plane + n);
    UNROLL for (int m = 0; m < M; ++m) {
      const vec code = load_once(hidden + m * filter + n);
      UNROLL for (int o = 0; o < count; ++o) acc[o][m] += pulls[o] * code;
    }
  }
  UNROLL for (int o = 0; o < count; ++o) UNROLL for (int m = 0; m < M; ++m)
    gradient[o][m] = acc[o][m];
}

inline void band_mix_gradient(const Planes &planes, const Shape &shape, int y, int rows,
                              vec gradient[C][M]) {
  constexpr int FIT = ACCUMULATORS / M < 1 ? 1 : ACCUMULATORS / M;
  constexpr int TILE = FIT > 4 ? (C < 4 ? C : 4) : (FIT < C ? FIT : C);
  const size_t filter = size_t(BAND) * shape.columns, cells = size_t(rows) * shape.columns;
  const float *pull = planes.pull + size_t(y) * shape.columns;
  int o = 0;
  for (; o + TILE <= C; o += TILE)
    mix_gradient<TILE>(planes.hidden, filter, pull + o * shape.plane(), shape.plane(), cells,
                       gradient + o);
  if constexpr (C % TILE != 0)
    mix_gradient<C % TILE>(planes.hidden, filter, pull + o * shape.plane(), shape.plane(), cells,
                           gradient + o);
}

// Gradient of `count` filters' weights at `taps` taps from the tap `first` on, over a plane.
template <int count, int first, int taps>
INLINE void tap_gradient(const float *states, const float *sums, const Shape &shape,
                         vec gradient[][9]) {
  vec acc[count][taps];
  UNROLL for (int m = 0; m < count; ++m) UNROLL for (int t = 0; t < taps; ++t)
    acc[m][t] = gradient[m][first + t];
  for (int y = 0; y < shape.height; ++y) {
    const size_t start = shape.at(y, 0);
    for (int x = 0; x < shape.columns; x += LANES) {
      const float *pull = sums + start + x, *center = states + start + x;
      vec held[taps < count ? taps : count];  // the fewer are kept while the others come by
      if constexpr (taps < count) {
        UNROLL for (int t = 0; t < taps; ++t) held[t] = load(center + shape.tap(first + t));
        UNROLL for (int m = 0; m < count; ++m) {
          const vec one = load(pull + m * shape.padded());
          UNROLL for (int t = 0; t < taps; ++t) acc[m][t] += one * held[t];
        }
      } else {
        UNROLL for (int m = 0; m < count; ++m) held[m] = load(pull + m * shape.padded());
        UNROLL for (int t = 0; t < taps; ++t) {
          const vec one = load(center + shape.tap(first + t));
          UNROLL for (int m = 0; m < count; ++m) acc[m][t] += held[m] * one;
        }
      }
    }
  }
  UNROLL for (int m = 0; m < count; ++m) UNROLL for (int t = 0; t < taps; ++t)
    gradient[m][first + t] = acc[m][t];
}

// All filters of a channel, a few at a time.
template <int m = 0>
void kernel_gradient(const float *states, const float *sums, const Shape &shape,
                     vec gradient[M][9]) {
  constexpr int GROUP = REGISTERS == 32 ? 3 : 4;
  constexpr int count = M - m < GROUP ? M - m : GROUP;
  constexpr int most = ACCUMULATORS / count;
  constexpr int taps = most >= 9 ? 9 : most >= 5 ? 5 : 3;
  const float *from = sums + m * shape.padded();
  tap_gradient<count, 0, taps>(states, from, shape, gradient + m);
  if constexpr (taps == 5) tap_gradient<count, 5, 4>(states, from, shape, gradient + m);
  if constexpr (taps == 3) {
    tap_gradient<count, 3, 3>(states, from, shape, gradient + m);
    tap_gradient<count, 6, 3>(states, from, shape, gradient + m);
  }
  if constexpr (m + count < M) kernel_gradient<m + count>(states, sums, shape, gradient);
}

// Gradient of the states of `rows` rows of a channel.
template <int rows>
INLINE void state_gradient(const float *sums, const float *pull, const float kernels[M][9],
                           const Shape &shape, int y, float *gradient) {
  for (int x = 0; x < shape.columns; x += BLOCK) {
    vec acc[rows][2];
    UNROLL for (int r = 0; r < rows; ++r) UNROLL for (int n = 0; n < 2; ++n)
      acc[r][n] = load(pull + size_t(y + r) * shape.columns + x + n * LANES);
    for (int m = 0; m < M; ++m)
      for (int j = 0; j < 3; ++j) {
        const float *from = sums + m * shape.padded() + shape.at(y - 1, x + 1 - j);
        const vec weight[3] = {all(kernels[m][j]), all(kernels[m][3 + j]), all(kernels[m][6 + j])};
        UNROLL for (int r = 0; r < rows + 2; ++r) UNROLL for (int n = 0; n < 2; ++n) {
          const vec sum = load_once(from + r * shape.stride + n * LANES);
          UNROLL for (int i = 0; i < 3; ++i)
            if (r - 2 + i >= 0 && r - 2 + i < rows) acc[r - 2 + i][n] += weight[i] * sum;
        }
      }
    UNROLL for (int r = 0; r < rows; ++r) {
      float block[BLOCK];
      store(block, acc[r][0]);
      store(block + LANES, acc[r][1]);
      put(gradient + size_t(y + r) * shape.width, block, x, shape);
    }
  }
}

constexpr int ROWS = 4;

// Gradients of the weights too where `learning`; all but those of bias and offsets cost a product.
template <bool exact>
void backward_image(const float *states, const float *next, const float *gradient,
                    const Weights &weights, const Shape &shape, const Planes &planes,
                    Gradients &sums, float *back, bool learning) {
  pad(states, shape, planes.states);
  take_pull(gradient, next, shape, planes.pull, sums.bias);
  for (int c = 0; c < C; ++c) {
    for (int band = 0; band < shape.height; band += BAND) {
      const int rows = shape.height - band < BAND ? shape.height - band : BAND;
      for (int y = band; y < band + rows; ++y)
        for (int x = 0; x < shape.columns; x += BLOCK)
          hidden_block<exact>(planes, weights, shape, c, y, x, sums.offsets[c]);
      if (learning) band_mix_gradient(planes, shape, band, rows, sums.mix[c]);
    }
    if (learning)
      kernel_gradient(planes.states + c * shape.padded(), planes.sums, shape, sums.kernels[c]);
    const float *pull = planes.pull + c * shape.plane();
    float *to = back + c * shape.cells();
    int y = 0;
    for (; y + ROWS <= shape.height; y += ROWS)
      state_gradient<ROWS>(planes.sums, pull, weights.kernels[c], shape, y, to);
    for (; y < shape.height; y += 2)  // the height is even
      state_gradient<2>(planes.sums, pull, weights.kernels[c], shape, y, to);
  }
}
