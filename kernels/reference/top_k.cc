#include <utility>

#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

template <typename T>
bool IsNan(T value) {
  return value != value;
}

// The places chosen so far, in the output: a heap with the one that goes next
// in front, and at last all in order. So it needs no memory of its own.
template <typename T>
class Chosen {
 public:
  Chosen(bool is_largest, const T* x, int64_t x_stride, int64_t* places,
         int64_t stride)
      : is_largest_(is_largest),
        x_(x),
        x_stride_(x_stride),
        places_(places),
        stride_(stride) {}

  void Choose(int64_t most, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
      if (count_ < most) {
        at(count_) = i;
        Rise(count_++);
      } else if (!IsSurelyBehind(i) && IsBefore(i, at(0))) {
        at(0) = i;
        Sink();
      }
    }
    while (count_ > 1) {
      std::swap(at(0), at(--count_));
      Sink();
    }
  }

 private:
  int64_t& at(int64_t i) { return places_[i * stride_]; }
  int64_t at(int64_t i) const { return places_[i * stride_]; }

  // What most elements are: compared with the one that goes next, which came
  // earlier. False of what is not a number.
  bool IsSurelyBehind(int64_t i) const {
    const T next = x_[at(0) * x_stride_];
    return is_largest_ ? x_[i * x_stride_] <= next : x_[i * x_stride_] >= next;
  }
  bool IsBefore(int64_t i, int64_t j) const {
    const T a = x_[i * x_stride_];
    const T b = x_[j * x_stride_];
    if (IsNan(a) != IsNan(b)) return IsNan(a) == is_largest_;
    if (a != b && !IsNan(a)) return (a > b) == is_largest_;
    return i < j;
  }
  void Rise(int64_t i) {
    for (; i > 0 && IsBefore(at((i - 1) / 2), at(i)); i = (i - 1) / 2) {
      std::swap(at(i), at((i - 1) / 2));
    }
  }
  void Sink() {
    for (int64_t i = 0, child = 1; child < count_; child = 2 * i + 1) {
      if (child + 1 < count_ && IsBefore(at(child), at(child + 1))) ++child;
      if (!IsBefore(at(i), at(child))) return;
      std::swap(at(i), at(child));
      i = child;
    }
  }

  const bool is_largest_;
  const T* const x_;
  const int64_t x_stride_;
  int64_t* const places_;
  const int64_t stride_;
  int64_t count_ = 0;
};

template <typename T>
void ChooseAll(const TopK& op, const TensorType& x, const T* in,
               const TensorType& y, int64_t* out) {
  const auto axis = static_cast<size_t>(op.axis);
  Box box = WholeOf(y.shape);
  box.count[axis] = 1;
  ForEach(box, [&](const Index& index) {
    Chosen<T>(op.is_largest, in + PositionOf(x, index), x.strides[axis],
              out + PositionOf(y, index), y.strides[axis])
        .Choose(y.shape[axis], x.shape[axis]);
  });
}

}  // namespace

absl::Status Run(const TopK& op, const Part& part, const PartMemory& memory) {
  const TensorType& x = part.spec.inputs[0];
  const TensorType& y = part.spec.outputs[0];
  if (x.dtype == DataType::kI64) {
    ChooseAll(op, x, Input<int64_t>(memory, 0), y, Output<int64_t>(memory));
  } else if (x.dtype == DataType::kF64) {
    ChooseAll(op, x, Input<double>(memory, 0), y, Output<int64_t>(memory));
  } else {
    ChooseAll(op, x, Input(memory, 0), y, Output<int64_t>(memory));
  }
  return absl::OkStatus();
}

}  // namespace layerd::reference
