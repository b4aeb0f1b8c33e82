// Quantised weights, as Brevitas rounds them: to nearest, ties upwards, then clamped.
#pragma once

#include <cmath>
#include <cstddef>

static inline float code(float weight, float up) { return std::floor(weight * up + 0.5f); }

// Row r of `out` is clamp(code) * down[r]; `up` and `down` are powers of two.
inline void quantise(const float *weights, const float *up, const float *down, float low,
                     float high, float *out, int rows, int columns, int threads) {
#pragma omp parallel for schedule(dynamic, 32) num_threads(threads)
  for (int r = 0; r < rows; ++r)
    for (size_t n = size_t(r) * columns; n < size_t(r + 1) * columns; ++n) {
      const float exact = code(weights[n], up[r]);
      out[n] = (exact < low ? low : exact > high ? high : exact) * down[r];
    }
}

// The gradient, times `factor`, of what was not clamped.
inline void quantise_back(const float *weights, const float *up, float factor, float low,
                          float high, const float *gradient, float *out, int rows, int columns,
                          int threads) {
#pragma omp parallel for schedule(dynamic, 32) num_threads(threads)
  for (int r = 0; r < rows; ++r)
    for (size_t n = size_t(r) * columns; n < size_t(r + 1) * columns; ++n) {
      const float exact = code(weights[n], up[r]);
      const float passed = gradient[n] * factor;
      out[n] = exact >= low && exact <= high ? passed : 0.0f;
    }
}
