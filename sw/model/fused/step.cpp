// A step of the rule on a batch of lattices, and its gradients.
//
// States are (batch, CHANNELS, height, width), contiguous. Images are shared out in chunks that
// depend on the batch alone, and the chunks' sums are added in order: the result does not depend on
// the number of threads. A thread takes the next image when it is free: one beside a busy neighbour
// takes fewer.

#include <vector>

#include "backward.h"
#include "weights.h"

static int chunk_of(int batch) { return batch >= 64 ? 4 : batch >= 32 ? 2 : 1; }

template <bool exact, bool bytes = false>
static void forward(const float *states, const Weights &weights, const Codes &codes,
                    const Shape &shape, int batch, int threads, float *next) {
  const size_t image = C * shape.cells();
#pragma omp parallel num_threads(threads)
  {
    float *planes = scratch(forward_floats(shape));
#pragma omp for schedule(dynamic)
    for (int b = 0; b < batch; ++b)
      forward_image<exact, bytes>(states + b * image, weights, codes, shape, planes,
                                  next + b * image);
  }
}

template <bool exact>
static void backward(const float *states, const float *next, const float *gradient,
                     const Weights &weights, const Shape &shape, int batch, int threads,
                     float *back, float *kernels, float *offsets, float *mix, float *bias) {
  const size_t image = C * shape.cells();
  const int chunk = chunk_of(batch), chunks = (batch + chunk - 1) / chunk;
  struct Totals {
    float kernels[C * M * 9], offsets[C * M], mix[C * M * C], bias[C];
  };
  std::vector<Totals> totals(chunks);
#pragma omp parallel num_threads(threads)
  {
    constexpr size_t head = sizeof(Gradients) / sizeof(float);
    float *memory = scratch(head + Planes::floats(shape));
    Gradients &sums = *reinterpret_cast<Gradients *>(memory);
    const Planes planes(memory + head, shape);
#pragma omp for schedule(dynamic)
    for (int n = 0; n < chunks; ++n) {
      memset(&sums, 0, sizeof sums);
      for (int b = n * chunk; b < batch && b < (n + 1) * chunk; ++b)
        backward_image<exact>(states + b * image, next + b * image, gradient + b * image,
                              weights, shape, planes, sums, back + b * image,
                              kernels != nullptr);
      if (kernels) sums.total_into(totals[n].kernels, totals[n].offsets, totals[n].mix, totals[n].bias);
    }
  }
  if (!kernels) return;
  for (const Totals &part : totals) {
    for (int n = 0; n < C * M * 9; ++n) kernels[n] += part.kernels[n];
    for (int n = 0; n < C * M; ++n) offsets[n] += part.offsets[n];
    for (int n = 0; n < C * M * C; ++n) mix[n] += part.mix[n];
    for (int n = 0; n < C; ++n) bias[n] += part.bias[n];
  }
}

extern "C" {

// Threads that a parallel region gets.
int thalweg_threads(int threads) {
  int count = 0;
#pragma omp parallel num_threads(threads) reduction(+ : count)
  ++count;
  return count;
}

void thalweg_forward(const float *states, const float *kernels, const float *offsets,
                     const float *mix, const float *bias, float *next, int batch,
                     int height, int width, int exact, int threads) {
  const Weights weights(kernels, offsets, mix, bias);
  const Codes codes(weights, exact);
  const auto run = codes.fit ? forward<true, true> : exact ? forward<true> : forward<false>;
  run(states, weights, codes, Shape(height, width), batch, threads, next);
}

// Gradients of the weights are added to what the last four hold; these are null where only the
// states' is wanted.
void thalweg_backward(const float *states, const float *kernels, const float *offsets,
                      const float *mix, const float *bias, const float *next,
                      const float *gradient, float *back, float *kernels_back, float *offsets_back,
                      float *mix_back, float *bias_back, int batch, int height, int width,
                      int exact, int threads) {
  const Weights weights(kernels, offsets, mix, bias);
  const auto run = exact ? backward<true> : backward<false>;
  run(states, next, gradient, weights, Shape(height, width), batch, threads, back, kernels_back,
      offsets_back, mix_back, bias_back);
}

void thalweg_quantise(const float *weights, const float *up, const float *down, float low,
                      float high, float *out, int rows, int columns, int threads) {
  quantise(weights, up, down, low, high, out, rows, columns, threads);
}

void thalweg_quantise_back(const float *weights, const float *up, float factor, float low,
                           float high, const float *gradient, float *out, int rows, int columns,
                           int threads) {
  quantise_back(weights, up, factor, low, high, gradient, out, rows, columns, threads);
}
}
