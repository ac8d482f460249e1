#include "daemon/pack/lower/lower.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "daemon/pack/lower/channels_last.h"
#include "daemon/pack/lower/concat_slots.h"
#include "daemon/pack/lower/memory_need.h"
#include "daemon/pack/lower/strided_view.h"
#include "daemon/pack/lower/turned_outputs.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

class Lowering {
 public:
  explicit Lowering(const Network& network)
      : network_(network),
        uses_(network),
        slots_(network, uses_),
        channels_last_(ChooseChannelsLast(network)),
        turned_(ChooseTurnedOutputs(network, uses_)),
        places_(network.values.size()),
        flattened_(network.values.size(), -1),
        last_use_(uses_.last) {
    for (const int output : network.outputs) {
      last_use_[output] = std::numeric_limits<int>::max();
      if (IsWrittenAsAnswer(output)) channels_last_[output] = false;
    }
  }

  Lowered Run() {
    for (const int input : network_.inputs) PlaceInput(input);
    for (now_ = 0; now_ < network_.nodes.size(); ++now_) {
      LowerNode(network_.nodes[now_]);
    }
    for (const int output : network_.outputs) PlaceOutput(output);
    return std::move(lowered_);
  }

 private:
  // Whether the layer that makes an output can write it as it leaves.
  bool IsWrittenAsAnswer(int output) const {
    const int producer = uses_.producer[output];
    return producer >= 0 && uses_.count[output] == 1 &&
           network_.graph->values[output].dtype ==
               network_.values[output].dtype &&
           WritesAnyOrder(network_.nodes[producer]);
  }

  void PlaceInput(int value);
  void PlaceOutput(int value);
  void LowerNode(const Operation& node);
  void LowerOperator(const Operation& node);
  void LowerReshape(const Operation& node);
  void LowerTranspose(const Operation& node);
  void LowerSlice(const Operation& node);
  void LowerExpand(const Operation& node);
  // Any tensor of `value`: what a view looks at.
  uint32_t AnyPlace(int value);
  void LowerConcat(const Operation& node);

  // A tensor of `value` that lies as needed, by a Copy if there is none yet.
  uint32_t Use(int value, MemoryNeed need);
  MemoryNeed NeedHere(const Operation& node, size_t input) const;
  // As Use(); a flattened picture comes as it lies, and `weight` follows.
  uint32_t UseFlat(int value, Weight* weight);
  void Materialize(int value);
  // Where a layer writes `value`.
  uint32_t TensorToWrite(int value);
  uint32_t OutputOf(const Operation& node, const std::vector<uint32_t>& inputs);
  std::optional<uint32_t> OperandToOverwrite(
      const Operation& node, const std::vector<uint32_t>& inputs) const;
  bool DiesNow(uint32_t buffer) const;

  uint32_t AddTensor(int value, TensorType type);
  uint32_t AddView(int value, uint32_t of, TensorType type,
                   uint64_t skipped_bytes);
  void AddLayer(const Operation& node, std::vector<uint32_t> inputs,
                uint32_t output, std::vector<Weight> weights);
  void AddCopy(int value, std::optional<uint32_t> from, uint32_t to);

  Program& program() { return lowered_.program; }
  const Tensor& tensor(uint32_t t) const { return lowered_.program.tensors[t]; }
  const Shape& ShapeOf(int value) const { return network_.values[value].shape; }
  Shape StridesFor(int value) const {
    if (channels_last_[value]) return ChannelsLastStrides(ShapeOf(value));
    return turned_[value].empty() ? PlainStrides(ShapeOf(value))
                                  : turned_[value];
  }

  const Network& network_;
  const Uses uses_;
  const ConcatSlots slots_;
  std::vector<bool> channels_last_;  // Values.
  const std::vector<Shape> turned_;  // Values; mostly empty.
  Lowered lowered_;
  // Tensors of each value; the first is where it was written.
  std::vector<std::vector<uint32_t>> places_;
  // Reshapes that would have to copy: the value before. Copied when used.
  std::vector<int> flattened_;
  std::vector<int> last_use_;                // Operation, of each value.
  std::vector<std::vector<int>> values_in_;  // Each buffer.
  std::vector<bool> is_input_;               // Each buffer.
  size_t now_ = 0;                           // Operation.
};

uint32_t Lowering::AddTensor(int value, TensorType type) {
  program().buffers.push_back({static_cast<uint64_t>(type.span_bytes())});
  values_in_.push_back({value});
  is_input_.push_back(false);
  program().tensors.push_back(
      {network_.values[value].name, std::move(type),
       static_cast<uint32_t>(program().buffers.size() - 1), 0});
  return static_cast<uint32_t>(program().tensors.size() - 1);
}

uint32_t Lowering::AddView(int value, uint32_t of, TensorType type,
                           uint64_t skipped_bytes) {
  const uint32_t buffer = tensor(of).buffer;
  const uint64_t offset_bytes = tensor(of).offset_bytes + skipped_bytes;
  values_in_[buffer].push_back(value);
  program().tensors.push_back(
      {network_.values[value].name, std::move(type), buffer, offset_bytes});
  return static_cast<uint32_t>(program().tensors.size() - 1);
}

void Lowering::AddLayer(const Operation& node, std::vector<uint32_t> inputs,
                        uint32_t output, std::vector<Weight> weights) {
  program().layers.push_back(
      {node.name, std::get<Operator>(node.op), std::move(inputs), {output}});
  lowered_.weights.push_back(std::move(weights));
  lowered_.descriptions.push_back(node.description);
}

// Without `from` the constant of the value is copied.
void Lowering::AddCopy(int value, std::optional<uint32_t> from, uint32_t to) {
  const std::string& name = network_.values[value].name;
  std::vector<uint32_t> inputs;
  std::vector<Weight> weights;
  if (from) {
    inputs.push_back(*from);
  } else {
    // Constants are stored as f32, and cast on the way out.
    const DataType dtype = network_.values[value].dtype;
    weights.push_back(
        Weight::Of(network_.values[value].constant, ShapeOf(value),
                   dtype == DataType::kF16 ? DataType::kF32 : dtype));
  }
  program().layers.push_back(
      {absl::StrCat(name, " (copy)"), Copy{}, std::move(inputs), {to}});
  lowered_.weights.push_back(std::move(weights));
  lowered_.descriptions.push_back(absl::StrCat("copy of value \"", name, "\""));
}

void Lowering::PlaceInput(int value) {
  const Value& declared = network_.graph->values[value];
  const uint32_t t = AddTensor(
      value, {*declared.dtype, ShapeOf(value), PlainStrides(ShapeOf(value))});
  is_input_[tensor(t).buffer] = true;
  places_[value].push_back(t);
  program().inputs.push_back(t);
}

// An output is row-major in its own datatype, and never in an input's memory.
// Nobody writes one without elements.
void Lowering::PlaceOutput(int value) {
  const DataType dtype = *network_.graph->values[value].dtype;
  const TensorType type = {dtype, ShapeOf(value), PlainStrides(ShapeOf(value))};
  if (type.element_count() == 0) {
    program().outputs.push_back(AddTensor(value, type));
    return;
  }
  Materialize(value);
  for (const uint32_t t : places_[value]) {
    const Tensor& place = tensor(t);
    if (place.type.dtype != dtype ||
        !Meets(place.type, MemoryNeed::kRowMajor) || is_input_[place.buffer]) {
      continue;
    }
    program().outputs.push_back(t);
    return;
  }
  const uint32_t t = AddTensor(value, type);
  if (places_[value].empty()) {
    AddCopy(value, std::nullopt, t);
  } else {
    AddCopy(value, places_[value][0], t);
  }
  program().outputs.push_back(t);
}

void Lowering::LowerNode(const Operation& node) {
  if (std::holds_alternative<Operator>(node.op)) return LowerOperator(node);
  if (std::holds_alternative<Reshape>(node.op)) return LowerReshape(node);
  if (std::holds_alternative<Transpose>(node.op)) return LowerTranspose(node);
  if (std::holds_alternative<Slice>(node.op)) return LowerSlice(node);
  if (std::holds_alternative<Expand>(node.op)) return LowerExpand(node);
  LowerConcat(node);
}

// Copies of a reshape that was put off.
void Lowering::Materialize(int value) {
  if (!places_[value].empty() || flattened_[value] < 0) return;
  const uint32_t source = Use(flattened_[value], MemoryNeed::kRowMajor);
  const TensorType& type = tensor(source).type;
  places_[value].push_back(
      AddView(value, source,
              {type.dtype, ShapeOf(value), PlainStrides(ShapeOf(value))}, 0));
}

uint32_t Lowering::Use(int value, MemoryNeed need) {
  Materialize(value);
  const DataType dtype = network_.values[value].dtype;
  for (const uint32_t t : places_[value]) {
    if (tensor(t).type.dtype == dtype && Meets(tensor(t).type, need)) return t;
  }
  Shape strides = StridesFor(value);
  if (need == MemoryNeed::kRowMajor) strides = PlainStrides(ShapeOf(value));
  if (need == MemoryNeed::kChannelsLast || need == MemoryNeed::kUnitChannels) {
    strides = ChannelsLastStrides(ShapeOf(value));
  }
  const uint32_t copy =
      AddTensor(value, {dtype, ShapeOf(value), std::move(strides)});
  if (places_[value].empty()) {
    LAYERD_CHECK(network_.values[value].constant >= 0,
                 network_.values[value].name);
    AddCopy(value, std::nullopt, copy);
  } else {
    AddCopy(value, places_[value][0], copy);
  }
  places_[value].push_back(copy);
  return copy;
}

// Pixels that are looked up as often as there are some are laid side by side
// once: of a plain picture each look takes one number from every channel's
// plane.
MemoryNeed Lowering::NeedHere(const Operation& node, size_t input) const {
  const auto* gather = OperatorOf<Gather>(node);
  if (gather == nullptr || gather->axis != 0 || node.inputs.size() != 2 ||
      input != 0) {
    return NeedOf(node, input);
  }
  const Shape& rows = ShapeOf(node.inputs[0]);
  const int64_t looks =
      TensorType{DataType::kI64, ShapeOf(node.inputs[1]), {}}.element_count();
  return rows.size() == 2 && looks >= rows[0] ? MemoryNeed::kRowMajor
                                              : NeedOf(node, input);
}

// [N, C, pixels...] seen as [N, pixels x C].
uint32_t Lowering::UseFlat(int value, Weight* weight) {
  const int picture = flattened_[value];
  if (!places_[value].empty() || picture < 0) {
    return Use(value, MemoryNeed::kRowMajor);
  }
  const Shape& shape = ShapeOf(picture);
  const Shape& flat = ShapeOf(value);
  if (shape.size() < 3 || flat.size() != 2 || flat[0] != shape[0]) {
    return Use(value, MemoryNeed::kRowMajor);
  }
  for (const uint32_t t : places_[picture]) {
    const TensorType& type = tensor(t).type;
    if (type.dtype != network_.values[value].dtype ||
        !Meets(type, MemoryNeed::kChannelsLast)) {
      continue;
    }
    weight->picture_channels = shape[1];
    return AddView(value, t, {type.dtype, flat, PlainStrides(flat)}, 0);
  }
  return Use(value, MemoryNeed::kRowMajor);
}

void Lowering::LowerReshape(const Operation& node) {
  const int input = node.inputs[0];
  Materialize(input);
  if (places_[input].empty()) Use(input, MemoryNeed::kRowMajor);
  for (const uint32_t t : places_[input]) {
    TensorType type = tensor(t).type;
    std::optional<Shape> strides = ReshapedStrides(type, ShapeOf(node.output));
    if (!strides) continue;
    type.shape = ShapeOf(node.output);
    type.strides = *std::move(strides);
    places_[node.output].push_back(AddView(node.output, t, type, 0));
    return;
  }
  flattened_[node.output] = input;
  last_use_[input] = std::max(last_use_[input], last_use_[node.output]);
}

uint32_t Lowering::AnyPlace(int value) {
  Materialize(value);
  if (places_[value].empty()) Use(value, MemoryNeed::kRowMajor);
  return places_[value][0];
}

void Lowering::LowerSlice(const Operation& node) {
  const auto& slice = std::get<Slice>(node.op);
  const uint32_t source = AnyPlace(node.inputs[0]);
  TensorType type = tensor(source).type;
  type.shape = ShapeOf(node.output);
  uint64_t skipped = 0;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    skipped += slice.starts[d] * type.strides[d];
    type.strides[d] *= slice.steps[d];
  }
  places_[node.output].push_back(
      AddView(node.output, source, type, skipped * SizeOf(type.dtype)));
}

void Lowering::LowerExpand(const Operation& node) {
  const uint32_t source = AnyPlace(node.inputs[0]);
  const TensorType& from = tensor(source).type;
  TensorType type = {from.dtype, ShapeOf(node.output), {}};
  type.strides.assign(type.shape.size(), 0);
  const size_t missing = type.shape.size() - from.shape.size();
  for (size_t d = 0; d < from.shape.size(); ++d) {
    if (from.shape[d] > 1) type.strides[missing + d] = from.strides[d];
  }
  places_[node.output].push_back(AddView(node.output, source, type, 0));
}

void Lowering::LowerTranspose(const Operation& node) {
  const uint32_t source = AnyPlace(node.inputs[0]);
  const TensorType& from = tensor(source).type;
  TensorType type = {from.dtype, {}, {}};
  for (const int64_t d : std::get<Transpose>(node.op).permutation) {
    type.shape.push_back(from.shape[d]);
    type.strides.push_back(from.strides[d]);
  }
  places_[node.output].push_back(AddView(node.output, source, type, 0));
}

uint32_t Lowering::TensorToWrite(int value) {
  if (!places_[value].empty()) return places_[value][0];
  const ConcatSlot& slot = slots_[value];
  uint32_t t = 0;
  if (slot.whole < 0) {
    t = AddTensor(value, {network_.values[value].dtype, ShapeOf(value),
                          StridesFor(value)});
  } else {
    const uint32_t whole = TensorToWrite(slot.whole);
    TensorType type = tensor(whole).type;
    type.shape = ShapeOf(value);
    const uint64_t skipped = slot.first * type.strides[slot.axis];
    t = AddView(value, whole, type, skipped * SizeOf(type.dtype));
  }
  places_[value].push_back(t);
  return t;
}

void Lowering::LowerConcat(const Operation& node) {
  const int64_t axis = std::get<Concat>(node.op).axis;
  const uint32_t whole = TensorToWrite(node.output);
  int64_t first = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int input = node.inputs[i];
    if (!slots_.IsInPlace(node.output, i)) {
      const uint32_t from = Use(input, MemoryNeed::kAny);
      TensorType type = tensor(whole).type;
      type.shape = ShapeOf(input);
      const uint64_t skipped = first * type.strides[axis] * SizeOf(type.dtype);
      AddCopy(input, from, AddView(node.output, whole, type, skipped));
    }
    first += ShapeOf(input)[axis];
  }
}

// Whether no later layer reads what lies in `buffer` now.
bool Lowering::DiesNow(uint32_t buffer) const {
  for (const int value : values_in_[buffer]) {
    if (last_use_[value] > static_cast<int>(now_)) return false;
  }
  return !is_input_[buffer];
}

std::optional<uint32_t> Lowering::OperandToOverwrite(
    const Operation& node, const std::vector<uint32_t>& inputs) const {
  if (!WritesOverItsOperand(node) || slots_[node.output].whole >= 0) {
    return std::nullopt;
  }
  const TensorType wanted = {network_.values[node.output].dtype,
                             ShapeOf(node.output), StridesFor(node.output)};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& operand = tensor(inputs[i]);
    const bool alone =
        inputs.size() == 1 || tensor(inputs[1 - i]).buffer != operand.buffer;
    if (alone && operand.type == wanted && DiesNow(operand.buffer)) {
      return inputs[i];
    }
  }
  return std::nullopt;
}

uint32_t Lowering::OutputOf(const Operation& node,
                            const std::vector<uint32_t>& inputs) {
  const auto operand = OperandToOverwrite(node, inputs);
  if (!operand) return TensorToWrite(node.output);
  const uint32_t t = AddView(node.output, *operand, tensor(*operand).type, 0);
  places_[node.output].push_back(t);
  return t;
}

void Lowering::LowerOperator(const Operation& node) {
  std::vector<Weight> weights = node.weights;
  std::vector<uint32_t> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool flat = i == 0 && OperatorOf<FullyConnected>(node) != nullptr;
    inputs.push_back(flat ? UseFlat(node.inputs[i], &weights[0])
                          : Use(node.inputs[i], NeedHere(node, i)));
  }
  const uint32_t output = OutputOf(node, inputs);
  AddLayer(node, std::move(inputs), output, std::move(weights));
}

}  // namespace

Lowered Lower(const Network& network) { return Lowering(network).Run(); }

}  // namespace layerd
