#ifndef LAYERD_KERNELS_CPU_STRIDED_COPY_H_
#define LAYERD_KERNELS_CPU_STRIDED_COPY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cast.h"
#include "kernels/cpu/loop_nest.h"

namespace layerd::cpu {

// Copies a tensor to other strides, and to another datatype if asked: long
// rows with memcpy or vectors, transpositions in blocks that stay in the
// first-level cache.
class StridedCopy {
 public:
  StridedCopy() = default;  // Copies nothing.
  StridedCopy(const std::vector<int64_t>& shape, DataType from,
              const std::vector<int64_t>& from_strides, DataType to,
              const std::vector<int64_t>& to_strides);

  // The addresses are those of the first elements. Ranges must not overlap.
  void Run(const std::byte* from, std::byte* to) const;

 private:
  void CopyRows(const std::byte* from, std::byte* to) const;
  void Transpose(const std::byte* from, std::byte* to) const;

  LoopNest nest_;
  int64_t from_bytes_ = 0;  // Of an element; zero: nothing to copy.
  int64_t to_bytes_ = 0;
  CastRow cast_ = nullptr;
  bool moves_rows_ = false;  // Rows are contiguous on both sides.
  // The dimension, other than the row's, along which the source is contiguous.
  size_t across_ = 0;
  bool transposes_ = false;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_STRIDED_COPY_H_
