#ifndef LAYERD_KERNELS_PART_RULES_H_
#define LAYERD_KERNELS_PART_RULES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/backend.h"

// The rules behind CheckPart(): one Check for each operator, and the clauses
// that they share. Types were checked one by one before. Private to kernels/.
namespace layerd::part_rules {

using Sizes = std::vector<int64_t>;

// Of a window: kernel, stride, dilation, padding. No network comes near.
inline constexpr int64_t kWindowMax = 1 << 16;

std::string Text(const Sizes& sizes);

absl::Status CheckRange(const char* name, const Range& range, int64_t size);
absl::Status CheckWindow(const char* name, const Sizes& values, size_t count,
                         int64_t least);
// And one output.
absl::Status CheckCounts(const PartSpec& spec, size_t inputs, size_t weights);
absl::Status CheckShape(const char* name, const Sizes& shape,
                        const Sizes& expected);
absl::Status CheckRank(const TensorType& type, size_t least, size_t most);
absl::Status CheckSameShape(const PartSpec& spec);
// Of floats.
absl::Status CheckActivation(const Activation& activation);

// UNIMPLEMENTED for what is not computed on. Tensors are F32, or all of them
// F16; weights are F32.
absl::Status CheckFloats(const PartSpec& spec);
// A kernel that may be stored narrow, a bias as the tensors are, scales: those
// that there are, and so many inputs. Shapes but for those of the scales are
// checked elsewhere.
absl::Status CheckKernelAndVectors(const PartSpec& spec, size_t inputs,
                                   bool has_bias);
absl::Status CheckDtype(const TensorType& type,
                        std::initializer_list<DataType> allowed);
// All of the output's; weights beside F16 are F32.
absl::Status CheckOneDtype(const PartSpec& spec,
                           std::initializer_list<DataType> allowed);

// Of what is no kernel: as the tensors are, but F32 beside F16.
DataType WeightBeside(DataType tensors);

// Aligned at the last dimension, as numpy does.
absl::StatusOr<Sizes> Broadcast(const Sizes& a, const Sizes& b);

// part_rules_window.cc
absl::Status Check(const Convolution& op, const PartSpec& spec);
absl::Status Check(const ConvTranspose& op, const PartSpec& spec);
absl::Status Check(const Pool& op, const PartSpec& spec);

// part_rules_elements.cc
absl::Status Check(const FullyConnected& op, const PartSpec& spec);
absl::Status Check(const MatMul& op, const PartSpec& spec);
absl::Status Check(const Unary& op, const PartSpec& spec);
absl::Status Check(const Binary& op, const PartSpec& spec);
absl::Status Check(const ScaleShift& op, const PartSpec& spec);
absl::Status Check(const Softmax& op, const PartSpec& spec);
absl::Status Check(const LayerNorm& op, const PartSpec& spec);
absl::Status Check(const Lrn& op, const PartSpec& spec);
absl::Status Check(const TopK& op, const PartSpec& spec);
absl::Status Check(const Reduce& op, const PartSpec& spec);
absl::Status Check(const Select& op, const PartSpec& spec);

// part_rules_recurrent.cc
absl::Status Check(const Recurrent& op, const PartSpec& spec);

// part_rules_moves.cc
absl::Status Check(const Pad& op, const PartSpec& spec);
absl::Status Check(const Copy& op, const PartSpec& spec);
absl::Status Check(const Gather& op, const PartSpec& spec);
absl::Status Check(const Resize& op, const PartSpec& spec);

}  // namespace layerd::part_rules

#endif  // LAYERD_KERNELS_PART_RULES_H_
