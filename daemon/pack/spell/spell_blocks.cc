// Weights of two, four or eight bits with a scale for each block, as ONNX
// Runtime's quantisers write them: they stay in their file, and reading
// multiplies.

#include <algorithm>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

constexpr int64_t kSizeMax = int64_t{1} << 31;

int64_t DividedUp(int64_t number, int64_t by) { return (number + by - 1) / by; }

// Rows of blocks, `length` elements each.
struct Rows {
  int64_t rows = 0, blocks = 0, length = 0, bits = 4;
  int64_t columns() const { return blocks * length; }
  int per_byte() const { return static_cast<int>(8 / bits); }
};

absl::Status TakeBits(const Speller& speller, int64_t usual_length,
                      Rows& rows) {
  ASSIGN_OR_RETURN(rows.bits, speller.IntOr("bits", 4));
  ASSIGN_OR_RETURN(rows.length, speller.IntOr("block_size", usual_length));
  if (rows.bits != 2 && rows.bits != 4 && rows.bits != 8) {
    return speller.Unsupported("only 2, 4 and 8 bits are supported");
  }
  if (rows.length < 2 || rows.length > kSizeMax ||
      rows.length % std::max(rows.per_byte(), 2) != 0) {
    return speller.Invalid("block_size fills no whole number of bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckKnown(const Speller& speller, std::vector<size_t> inputs) {
  for (const size_t i : inputs) {
    if (!speller.has_input(i) || speller.is_known(speller.input(i))) continue;
    return speller.Unsupported(
        "weights, scales and zero points must be known while packing");
  }
  return absl::OkStatus();
}

// Packed like the elements, each row from a byte on; or numbers.
absl::StatusOr<int> ZerosOf(Speller& speller, size_t input, const Rows& rows) {
  const int zeros = speller.input(input);
  if (speller.dtype(zeros) != DataType::kU8 &&
      speller.dtype(zeros) != DataType::kI8) {
    ASSIGN_OR_RETURN(Constant seen,
                     speller.Seen(zeros, {rows.rows, rows.blocks}, 1));
    return speller.AddConstant(std::move(seen));
  }
  const int per_byte = rows.per_byte();
  const int64_t count = DividedUp(rows.blocks, per_byte) * per_byte;
  ASSIGN_OR_RETURN(Constant seen,
                   speller.Seen(zeros, {rows.rows, count}, per_byte));
  return speller.AddConstant(std::move(seen));
}

// What [rows, columns] mean.
absl::StatusOr<int> Meaning(Speller& speller, size_t elements, size_t scales,
                            size_t zeros, const Rows& rows) {
  ASSIGN_OR_RETURN(Constant weights,
                   speller.Seen(speller.input(elements),
                                {rows.rows, rows.columns()}, rows.per_byte()));
  ASSIGN_OR_RETURN(Constant seen, speller.Seen(speller.input(scales),
                                               {rows.rows, rows.blocks}, 1));
  const DataType dtype = seen.dtype;
  if (!IsFloating(dtype)) return speller.Invalid("its scales are no numbers");
  Constant::Blocks blocks;
  blocks.scales = speller.AddConstant(std::move(seen));
  blocks.length = rows.length;
  blocks.axis_length = rows.columns();
  if (speller.has_input(zeros)) {
    ASSIGN_OR_RETURN(blocks.zeros, ZerosOf(speller, zeros, rows));
  } else {
    weights.zero_points = {int64_t{1} << (rows.bits - 1)};
  }
  weights.blocks = blocks;
  return speller.Meant(dtype, std::move(weights));
}

// The last axis filled up with zeros.
absl::StatusOr<int> Padded(Speller& speller, int x, size_t rank, int64_t by) {
  if (by == 0) return x;
  Shape pads(2 * rank, 0);
  pads.back() = by;
  ASSIGN_OR_RETURN(const int widths, speller.KnownList(pads));
  return speller.Add("Pad", {x, widths});
}

}  // namespace

absl::Status SpellMatMulNBits(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"K", "N", "accuracy_level", "bits", "block_size"}));
  if (speller.has_input(4)) {
    return speller.Unsupported(
        "columns in another order (g_idx) are not supported");
  }
  RETURN_IF_ERROR(CheckKnown(speller, {1, 2, 3}));
  Rows rows;
  RETURN_IF_ERROR(TakeBits(speller, 0, rows));
  ASSIGN_OR_RETURN(rows.rows, speller.IntOr("N", 0));
  ASSIGN_OR_RETURN(const int64_t columns, speller.IntOr("K", 0));
  const int x = speller.input(0);
  Shape shape = speller.shape(x);
  if (rows.rows < 1 || rows.rows > kSizeMax || columns < 1 ||
      columns > kSizeMax || shape.empty() || shape.back() != columns) {
    return speller.Invalid("its input does not fit K and N");
  }
  rows.blocks = DividedUp(columns, rows.length);
  ASSIGN_OR_RETURN(const int weights, Meaning(speller, 1, 2, 3, rows));
  ASSIGN_OR_RETURN(int y,
                   Padded(speller, x, shape.size(), rows.columns() - columns));
  ASSIGN_OR_RETURN(y, speller.Reshaped(y, {-1, rows.columns()}));
  std::vector<int> inputs = {y, weights};
  if (speller.has_input(5)) inputs.push_back(speller.input(5));
  y = speller.Add("Gemm", std::move(inputs), {{"transB", int64_t{1}}});
  shape.back() = rows.rows;
  ASSIGN_OR_RETURN(y, speller.Reshaped(y, shape));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellGatherBlockQuantized(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"bits", "block_size", "gather_axis", "quantize_axis"}));
  RETURN_IF_ERROR(CheckKnown(speller, {0, 2, 3}));
  Rows rows;
  RETURN_IF_ERROR(TakeBits(speller, 128, rows));
  if (rows.bits == 2) {
    return speller.Unsupported("rows of two bits are not supported");
  }
  const Shape scales = speller.shape(speller.input(2));
  const auto rank = static_cast<int64_t>(scales.size());
  ASSIGN_OR_RETURN(const int64_t axis, speller.IntOr("gather_axis", 0));
  ASSIGN_OR_RETURN(const int64_t blocked, speller.IntOr("quantize_axis", 1));
  if (rank != 2 || axis != 0 || (blocked != 1 && blocked != -1)) {
    return speller.Unsupported(
        "only rows of a matrix with blocks along them are supported");
  }
  rows.rows = scales[0];
  rows.blocks = scales[1];
  if (speller.dtype(speller.input(0)) != DataType::kU8) {
    return speller.Unsupported("only weights of UINT8 are supported");
  }
  if (rows.rows > kSizeMax || rows.blocks > kSizeMax / rows.length) {
    return speller.Invalid("its scales are too many");
  }
  ASSIGN_OR_RETURN(const int table, Meaning(speller, 0, 2, 3, rows));
  speller.Finish(
      speller.Add("Gather", {table, speller.input(1)}, {{"axis", axis}}));
  return absl::OkStatus();
}

}  // namespace layerd
