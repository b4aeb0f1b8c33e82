// Weights and planes as the step keeps them. CHANNELS and MULTIPLIER are given by the build.
#pragma once

#include <cstdlib>
#include <cstring>

#include "vectors.h"

constexpr int C = CHANNELS;
constexpr int M = MULTIPLIER;
constexpr int BLOCK = 2 * LANES;  // cells of a row that are worked on together
constexpr int BAND = 4;           // rows whose hidden codes are kept together

struct Weights {
  float kernels[C][M][9];
  float offsets[C][M];
  float mix[C][M][C];      // by filter, then output
  float mix_back[C][C][M]; // by the filter's channel, then output
  float bias[C];

  // Takes kernels (M, C, 3, 3), offsets (M, C), mix (C, M, C) with filters last, bias (C).
  Weights(const float *k, const float *off, const float *u, const float *b) {
    for (int c = 0; c < C; ++c)
      for (int m = 0; m < M; ++m) {
        memcpy(kernels[c][m], k + (m * C + c) * 9, sizeof kernels[c][m]);
        offsets[c][m] = off[m * C + c];
        for (int o = 0; o < C; ++o) mix[c][m][o] = mix_back[c][o][m] = u[(o * M + m) * C + c];
      }
    memcpy(bias, b, sizeof bias);
  }
};

struct Shape {
  int height, width;
  int columns;  // width up to a whole block; what lies beyond the width stays 0
  int stride;   // of a padded row: what lies before a row is the end of the one above
  bool wrap;    // whether the lattice is a torus; else 0 lies around it

  Shape(int height, int width, bool wrap = false)
      : height(height), width(width), columns((width + BLOCK - 1) / BLOCK * BLOCK),
        stride(columns + LANES), wrap(wrap) {}

  size_t cells() const { return size_t(height) * width; }
  size_t plane() const { return size_t(height + BAND) * columns; }  // not 4 KiB: caches would clash
  size_t padded() const { return size_t(height + 2) * stride + LANES; }
  size_t at(int y, int x) const { return size_t(y + 1) * stride + LANES + x; }  // in a padded plane
  size_t words() const { return size_t(height + 2) * columns; }  // a plane of words, see bytes.h
  size_t word(int y, int x) const { return size_t(y + 1) * columns + x; }
  int tap(int t) const { return (t / 3 - 1) * stride + t % 3 - 1; }  // from a cell to a tap's cell
};

// Memory of one thread, kept from call to call; all 0.
inline float *scratch(size_t floats) {
  struct Buffer {
    float *data = nullptr;
    size_t size = 0;
    ~Buffer() { free(data); }
  };
  static thread_local Buffer buffer;
  if (buffer.size < floats) {
    free(buffer.data);
    const size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
    buffer.data = static_cast<float *>(aligned_alloc(64, bytes));
    buffer.size = floats;
  }
  memset(buffer.data, 0, floats * sizeof(float));
  return buffer.data;
}

inline void pad(const float *states, const Shape &shape, float *planes) {
  const int around = shape.wrap;  // rows above and below, and cells to the left and right
  for (int c = 0; c < C; ++c)
    for (int y = -around; y < shape.height + around; ++y) {
      const int line = (y + shape.height) % shape.height;
      const float *from = states + c * shape.cells() + size_t(line) * shape.width;
      float *row = planes + c * shape.padded() + shape.at(y, 0);
      int x = 0;
      for (; x + LANES <= shape.width; x += LANES) store(row + x, load(from + x));
      for (; x < shape.width; ++x) row[x] = from[x];
      if (shape.wrap) {
        row[-1] = from[shape.width - 1];
        row[shape.width] = from[0];
      }
    }
}

// Write a block of a row, as much of it as lies within the width.
template <typename T>
INLINE void put(T *row, const T block[BLOCK], int x, const Shape &shape) {
  if (x + BLOCK <= shape.width)
    memcpy(row + x, block, BLOCK * sizeof(T));
  else
    memcpy(row + x, block, (shape.width - x) * sizeof(T));
}
