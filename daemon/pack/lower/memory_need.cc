#include "daemon/pack/lower/memory_need.h"

#include "daemon/pack/lower/strided_view.h"

namespace layerd {
namespace {

template <typename... Operators>
bool IsOneOf(const Operation& node) {
  return ((OperatorOf<Operators>(node) != nullptr) || ...);
}

}  // namespace

MemoryNeed NeedOf(const Operation& node, size_t input) {
  if (IsOneOf<Convolution>(node)) {
    return input == 0 ? MemoryNeed::kUnitChannels : MemoryNeed::kAny;
  }
  if (IsOneOf<ConvTranspose>(node)) {
    return input == 0 ? MemoryNeed::kChannelsLast : MemoryNeed::kAny;
  }
  if (IsOneOf<FullyConnected, Recurrent>(node)) return MemoryNeed::kRowMajor;
  if (IsOneOf<Lrn>(node)) return MemoryNeed::kChannelsLast;
  if (IsOneOf<Pool>(node)) return MemoryNeed::kUnitChannels;
  return MemoryNeed::kAny;
}

bool Meets(const TensorType& type, MemoryNeed need) {
  switch (need) {
    case MemoryNeed::kAny:
      return true;
    case MemoryNeed::kUnitChannels:
      return type.shape.size() < 2 || type.shape[1] == 1 ||
             type.strides[1] == 1;
    case MemoryNeed::kChannelsLast:
      return SameOrder(type.shape, type.strides,
                       ChannelsLastStrides(type.shape));
    case MemoryNeed::kRowMajor:
      return SameOrder(type.shape, type.strides, PlainStrides(type.shape));
  }
  return false;
}

bool WritesWithStrides(const Operation& node) {
  return IsOneOf<Convolution, Pool, Unary, Binary, ScaleShift, Copy,
                 ConvTranspose, Gather, Select, Resize>(node);
}

bool WritesAnyOrder(const Operation& node) {
  return IsOneOf<Unary, Binary, ScaleShift, Softmax, Copy, Reduce, Gather,
                 Select, LayerNorm>(node);
}

bool WritesOverItsOperand(const Operation& node) {
  return IsOneOf<Unary, Binary, ScaleShift>(node);
}

}  // namespace layerd
