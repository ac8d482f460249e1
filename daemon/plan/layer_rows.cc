#include "daemon/plan/layer_rows.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "config/check.h"

namespace layerd {
namespace {

// With fewer rows than that, the innermost dimension serves as well.
constexpr int64_t kRowsWanted = 8;

int64_t ReachOf(const Pool& op, size_t s) {
  return (op.kernel[s] - 1) * op.dilations[s] + 1;
}

// Whether dimension `d` of the output may be cut.
struct MayCut {
  const PartSpec& spec;
  size_t d;

  bool operator()(const Convolution&) const { return false; }
  bool operator()(const ConvTranspose&) const { return false; }
  bool operator()(const FullyConnected&) const { return false; }
  bool operator()(const Recurrent&) const { return false; }
  bool operator()(const Unary&) const { return true; }
  bool operator()(const Select&) const { return true; }
  bool operator()(const Copy&) const { return !spec.inputs.empty(); }
  bool operator()(const ScaleShift&) const { return d != 1; }
  bool operator()(const Lrn&) const { return d != 1; }
  bool operator()(const MatMul&) const {
    return d + 1 < spec.outputs[0].shape.size();
  }
  bool operator()(const LayerNorm& op) const {
    return static_cast<int64_t>(d) < op.axis_first;
  }
  bool operator()(const Softmax& op) const {
    const auto dimension = static_cast<int64_t>(d);
    return dimension < op.axis_first ||
           dimension >= op.axis_first + op.axis_count;
  }
  bool operator()(const Reduce& op) const {
    return !std::binary_search(op.dimensions.begin(), op.dimensions.end(),
                               static_cast<int64_t>(d));
  }
  bool operator()(const TopK& op) const {
    return static_cast<int64_t>(d) != op.axis;
  }
  bool operator()(const Pad& op) const {
    return op.begin[d] == 0 && op.end[d] == 0;
  }
  // A constant that varies along the rows would have to be cut as well.
  bool operator()(const Binary& op) const {
    if (op.constant == Binary::Constant::kNone) return true;
    const std::vector<int64_t>& constant = spec.weights[0].layout.shape;
    const size_t back = spec.outputs[0].shape.size() - d;
    return back > constant.size() || constant[constant.size() - back] == 1;
  }
  bool operator()(const Gather& op) const {
    return spec.inputs.size() == 2 || IsOfIndices(op);
  }
  bool IsOfIndices(const Gather& op) const {
    const auto first = static_cast<size_t>(op.axis);
    return d >= first && d < first + spec.inputs.back().shape.size();
  }
  bool operator()(const Resize& op) const {
    return op.scales[d] == 1 &&
           op.coordinate != Resize::Coordinate::kCropAndResize &&
           spec.inputs[0].shape[d] == spec.outputs[0].shape[d];
  }
  // Not where the last window hangs over, nor where one sees only padding.
  bool operator()(const Pool& op) const {
    if (d < 2) return true;
    const size_t s = d - 2;
    const int64_t room = spec.inputs[0].shape[d] + op.pads_begin[s] +
                         op.pads_end[s] - ReachOf(op, s);
    return op.pads_begin[s] < ReachOf(op, s) &&
           op.pads_end[s] < ReachOf(op, s) &&
           spec.outputs[0].shape[d] == room / op.strides[s] + 1;
  }
};

// The dimension of the output that is cut.
std::optional<size_t> RowDimension(const PartSpec& whole) {
  const TensorType& y = whole.outputs[0];
  int64_t innermost = std::numeric_limits<int64_t>::max();
  for (size_t d = 0; d < y.shape.size(); ++d) {
    if (y.shape[d] > 1) innermost = std::min(innermost, y.strides[d]);
  }
  std::optional<size_t> rows, inner;
  for (size_t d = 0; d < y.shape.size(); ++d) {
    if (y.shape[d] == 1 || !std::visit(MayCut{whole, d}, whole.op)) continue;
    if (y.strides[d] == innermost) {
      inner = d;
    } else if (!rows || std::pair(y.shape[d], y.strides[d]) >
                            std::pair(y.shape[*rows], y.strides[*rows])) {
      rows = d;
    }
  }
  const bool few = !rows || y.shape[*rows] < kRowsWanted;
  if (inner && few && (!rows || y.shape[*inner] > y.shape[*rows])) return inner;
  return rows;
}

// Cuts the ranges that rows of the output are made of.
class Slicer {
 public:
  Slicer(const PartSpec& whole, size_t dimension, const Range& rows)
      : d_(dimension), rows_(rows) {
    slice_.spec = whole;
    slice_.spec.rows = {0, 1};
    slice_.input_offsets_bytes.resize(whole.inputs.size(), 0);
    slice_.output_offsets_bytes.resize(whole.outputs.size(), 0);
  }

  RowSlice Take() {
    std::visit([this](const auto& op) { CutInputs(op); }, Operator(spec().op));
    Cut(d_, rows_, &spec().outputs[0], &slice_.output_offsets_bytes[0]);
    uint64_t places = spec().alignment_bytes;
    for (const auto* offsets :
         {&slice_.input_offsets_bytes, &slice_.output_offsets_bytes}) {
      for (const uint64_t offset : *offsets) places |= offset;
    }
    spec().alignment_bytes = static_cast<uint32_t>(places & -places);
    return std::move(slice_);
  }

 private:
  PartSpec& spec() { return slice_.spec; }

  static void Cut(size_t d, const Range& range, TensorType* type,
                  uint64_t* offset_bytes) {
    *offset_bytes += range.first * type->strides[d] * SizeOf(type->dtype);
    type->shape[d] = range.count;
  }
  void CutInput(size_t i, size_t d, const Range& range) {
    Cut(d, range, &spec().inputs[i], &slice_.input_offsets_bytes[i]);
  }
  // Aligned at the last dimension; what broadcasts stays as it is.
  void CutAligned(size_t i) {
    const std::vector<int64_t>& shape = spec().inputs[i].shape;
    const size_t back = spec().outputs[0].shape.size() - d_;
    if (back > shape.size() || shape[shape.size() - back] == 1) return;
    CutInput(i, shape.size() - back, rows_);
  }

  template <typename Other>
  void CutInputs(const Other&) {
    for (size_t i = 0; i < spec().inputs.size(); ++i) CutAligned(i);
  }
  // The dimension before the last is that of a alone.
  void CutInputs(const MatMul&) {
    CutAligned(0);
    if (d_ + 2 < spec().outputs[0].shape.size()) CutAligned(1);
  }
  void CutInputs(const Gather& op) {
    const auto axis = static_cast<size_t>(op.axis);
    const size_t indices = spec().inputs.back().shape.size();
    if (MayCut{spec(), d_}.IsOfIndices(op)) {
      CutInput(spec().inputs.size() - 1, d_ - axis, rows_);
    } else {
      CutInput(0, d_ < axis ? d_ : d_ - indices + 1, rows_);
    }
  }
  // Windows see what lies between the first of the first and the end of the
  // last of them; padding stays with those that reach it.
  void CutInputs(const Pool& op) {
    if (d_ < 2) return CutAligned(0);
    const size_t s = d_ - 2;
    const int64_t size = spec().inputs[0].shape[d_];
    const int64_t first = rows_.first * op.strides[s] - op.pads_begin[s];
    const int64_t end =
        first + (rows_.count - 1) * op.strides[s] + ReachOf(op, s);
    const Range seen = {std::max<int64_t>(first, 0),
                        std::min(end, size) - std::max<int64_t>(first, 0)};
    LAYERD_CHECK(seen.count > 0);
    Pool sliced = op;
    sliced.pads_begin[s] = seen.first - first;
    sliced.pads_end[s] = std::max<int64_t>(end - size, 0);
    spec().op = sliced;
    CutInput(0, d_, seen);
  }

  size_t d_;
  Range rows_;
  RowSlice slice_;
};

}  // namespace

bool IsRowSlice(const PartSpec& part) {
  const Operator& op = part.op;
  return !std::holds_alternative<Convolution>(op) &&
         !std::holds_alternative<FullyConnected>(op) &&
         !std::holds_alternative<Recurrent>(op) && part.rows != Range{0, 1};
}

int64_t RowsOfLayer(const PartSpec& whole) {
  const std::optional<size_t> d = RowDimension(whole);
  return d ? whole.outputs[0].shape[*d] : 1;
}

int64_t RowsOfLine(const PartSpec& whole) {
  constexpr int64_t kLineBytes = 64;
  const std::optional<size_t> d = RowDimension(whole);
  const TensorType& y = whole.outputs[0];
  if (!d || y.strides[*d] != 1) return 1;
  return kLineBytes / static_cast<int64_t>(SizeOf(y.dtype));
}

RowSlice SliceRows(const PartSpec& whole, const Range& rows) {
  const std::optional<size_t> d = RowDimension(whole);
  LAYERD_CHECK(d.has_value());
  return Slicer(whole, *d, rows).Take();
}

}  // namespace layerd
