#ifndef LAYERD_KERNELS_CPU_DECODE_ROWS_H_
#define LAYERD_KERNELS_CPU_DECODE_ROWS_H_

#include <cstdint>
#include <vector>

namespace layerd::cpu {

// Loops that widen stored weights to F32, by the instructions of one set. All
// sets give the same bits: widening is exact, and a scale is one rounding.
//
// Ranges never overlap, and need no alignment.
struct DecodeRows {
  const char* isa;  // "avx512", "avx2", "neon", "plain".
  void (*half)(const uint16_t* from, float* to, int64_t count);
  void (*bfloat16)(const uint16_t* from, float* to, int64_t count);
  // Rows of so many lanes, and each lane has its scale: row r, lane l is at
  // r * lanes + l and is multiplied by scales[l].
  void (*scaled_half)(const uint16_t* from, float* to, int64_t rows,
                      int64_t lanes, const float* scales);
  void (*scaled_bfloat16)(const uint16_t* from, float* to, int64_t rows,
                          int64_t lanes, const float* scales);
  void (*scaled_int8)(const int8_t* from, float* to, int64_t rows,
                      int64_t lanes, const float* scales);
};

// Those that this CPU has, the fastest first; "plain" is always the last.
const std::vector<const DecodeRows*>& AllDecodeRows();

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_DECODE_ROWS_H_
