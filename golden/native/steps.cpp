// Steps of the rule on a batch of lattices of int8 codes.
//
// A lattice takes all its steps in one core's cache. The result does not depend on the threads.

#include <algorithm>

#include "forward.h"

template <bool bytes>
static void advance(const int8_t *states, const Weights &weights, const Codes &codes,
                    const Shape &shape, int steps, float *memory, int8_t *next) {
  const size_t image = C * shape.cells();
  float *now = memory + forward_floats(shape), *then = now + image;
  std::copy(states, states + image, now);
  for (int step = 0; step < steps; ++step) {
    forward_image<true, bytes>(now, weights, codes, shape, memory, then);
    std::swap(now, then);
  }
  std::copy(now, now + image, next);
}

extern "C" void thalweg_steps(const int8_t *states, const float *kernels, const float *offsets,
                              const float *mix, const float *bias, int8_t *next, int batch,
                              int height, int width, int wrap, int steps, int threads) {
  const Weights weights(kernels, offsets, mix, bias);
  const Codes codes(weights, true);
  const Shape shape(height, width, wrap);
  const auto run = codes.fit ? advance<true> : advance<false>;
  const size_t image = C * shape.cells();
#pragma omp parallel num_threads(threads)
  {
    float *memory = scratch(forward_floats(shape) + 2 * image);
#pragma omp for schedule(dynamic)
    for (int b = 0; b < batch; ++b)
      run(states + b * image, weights, codes, shape, steps, memory, next + b * image);
  }
}
