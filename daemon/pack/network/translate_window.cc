// What looks through windows and around edges: pools and pads.

#include <algorithm>

#include "daemon/pack/network/translator.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

Pool PoolOf(const Node& node, Pool::Kind kind) {
  Pool pool;
  pool.kind = kind;
  pool.kernel = IntsOf(node, "kernel_shape");
  pool.strides = IntsOf(node, "strides");
  pool.dilations = IntsOf(node, "dilations");
  pool.pads_begin = BeginsOf(IntsOf(node, "pads"));
  pool.pads_end = EndsOf(IntsOf(node, "pads"));
  const Shape& ceil_pads = IntsOf(node, "ceil_pads");
  for (size_t d = 0; d < ceil_pads.size(); ++d) {
    pool.pads_end[d] += ceil_pads[d];
  }
  return pool;
}

}  // namespace

absl::Status Translator::TakeMaxPool(const Node& node) {
  AppendOfFloats(node, Operator(PoolOf(node, Pool::Kind::kMax)));
  return absl::OkStatus();
}

// Pads that count in the divisor, beside ceil pads that do not: the former
// become a layer of zeros.
absl::Status Translator::TakeAveragePool(const Node& node) {
  Pool pool = PoolOf(node, Pool::Kind::kAverage);
  pool.count_include_pad = IntOf(node, "count_include_pad") != 0;
  const Shape& ceil_pads = IntsOf(node, "ceil_pads");
  int input = node.inputs[0];
  if (pool.count_include_pad &&
      std::any_of(ceil_pads.begin(), ceil_pads.end(),
                  [](int64_t pad) { return pad != 0; })) {
    Pad pad;
    pad.begin = pad.end = {0, 0};
    Shape padded = ShapeOf(input);
    for (size_t d = 0; d < ceil_pads.size(); ++d) {
      pad.begin.push_back(std::exchange(pool.pads_begin[d], 0));
      pad.end.push_back(std::exchange(pool.pads_end[d], ceil_pads[d]) -
                        ceil_pads[d]);
      padded[d + 2] += pad.begin.back() + pad.end.back();
    }
    const int output = NewValue(node, std::move(padded));
    Append(node, Operator(std::move(pad)), {input}, output);
    input = output;
    pool.count_include_pad = false;
  }
  Append(node, Operator(std::move(pool)), {input}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeGlobalPool(const Node& node) {
  const Shape& shape = ShapeOf(node.inputs[0]);
  Pool pool;
  pool.kind =
      node.op_type == "GlobalMaxPool" ? Pool::Kind::kMax : Pool::Kind::kAverage;
  pool.kernel.assign(shape.begin() + 2, shape.end());
  pool.strides.assign(pool.kernel.size(), 1);
  pool.dilations = pool.strides;
  pool.pads_begin.assign(pool.kernel.size(), 0);
  pool.pads_end = pool.pads_begin;
  Append(node, Operator(std::move(pool)), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakePad(const Node& node) {
  const std::string& mode = StringOf(node, "mode");
  Pad pad;
  pad.mode = mode == "reflect" ? Pad::Mode::kReflect
             : mode == "edge"  ? Pad::Mode::kEdge
                               : Pad::Mode::kConstant;
  pad.begin = BeginsOf(IntsOf(node, "pads"));
  pad.end = EndsOf(IntsOf(node, "pads"));
  pad.value = FloatOf(node, "value");
  Append(node, Operator(std::move(pad)), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

}  // namespace layerd
