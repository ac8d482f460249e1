// Whether what lies in the memory of others keeps its numbers: random networks
// of views, concatenations and what works over them, once node by node and once
// as they are packed.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/graph_sketch.h"
#include "test/catch/catch.h"
#include "test/sim/answers_check.h"

namespace layerd {
namespace {

using Shape = GraphSketch::Shape;

// Grows a network of tensors of one to five dimensions node by node.
class RandomTensors {
 public:
  explicit RandomTensors(uint32_t seed) : sketch_(seed) {
    values_.push_back(sketch_.Input("a", {2, 4, 3, 6}));
    values_.push_back(sketch_.Input("b", {8, 18}));
  }

  GraphSketch* Draw() {
    const int nodes = 4 + Below(16);
    for (int n = 0; n < nodes; ++n) {
      name_ = "v" + std::to_string(n);
      const int value = Next(Pick());
      if (CountOf(ShapeOf(value)) <= 2000) values_.push_back(value);
    }
    for (int i = 0; i < 3; ++i) Answer(values_[Below(values_.size())]);
    Answer(values_.back());
    return &sketch_;
  }

 private:
  int Below(size_t bound) { return sketch_.Below(static_cast<int>(bound)); }
  const Shape& ShapeOf(int value) const { return sketch_.ShapeOf(value); }

  // An output is written by a node of its own, as the importer has it.
  void Answer(int value) {
    if (std::count(answers_.begin(), answers_.end(), value) != 0) return;
    answers_.push_back(value);
    if (value < 2) {
      value = sketch_.Add("same" + std::to_string(value), "Identity", {value},
                          ShapeOf(value));
    }
    sketch_.Output(value);
  }

  int Pick() {
    return Below(3) == 0 ? values_[Below(values_.size())] : values_.back();
  }
  // One of the same shape, or `value` itself.
  int Twin(int value) {
    for (int tries = 0; tries < 12; ++tries) {
      const int other = values_[Below(values_.size())];
      if (ShapeOf(other) == ShapeOf(value)) return other;
    }
    return value;
  }
  int Unary(int x, const char* op_type) {
    return sketch_.Add(name_, op_type, {x}, ShapeOf(x));
  }
  int Reshape(int x, Shape shape) {
    return sketch_.Add(name_, "Reshape", {x}, std::move(shape));
  }

  // Some dimensions joined or split.
  int Regroup(int x) {
    Shape shape = ShapeOf(x);
    const size_t d = shape.empty() ? 0 : Below(shape.size());
    if (shape.size() > 1 && d + 1 < shape.size() && Below(2) == 0) {
      shape[d] *= shape[d + 1];
      shape.erase(shape.begin() + d + 1);
    } else if (shape.size() < 5 && !shape.empty()) {
      const int64_t by = 1 + Below(3);
      if (shape[d] % by != 0) return Unary(x, "Relu");
      shape[d] /= by;
      shape.insert(shape.begin() + d + Below(2), by);
    } else {
      shape = {CountOf(shape)};
    }
    return Reshape(x, std::move(shape));
  }

  int Turn(int x) {
    Shape permutation(ShapeOf(x).size());
    std::iota(permutation.begin(), permutation.end(), 0);
    for (size_t d = permutation.size(); d-- > 1;) {
      std::swap(permutation[d], permutation[Below(d + 1)]);
    }
    Shape shape;
    for (const int64_t d : permutation) shape.push_back(ShapeOf(x)[d]);
    return sketch_.Add(name_, "Transpose", {x}, std::move(shape),
                       {{"perm", permutation}});
  }

  int Cut(int x) {
    Shape shape = ShapeOf(x);
    Shape starts(shape.size(), 0), steps(shape.size(), 1);
    for (size_t d = 0; d < shape.size(); ++d) {
      if (Below(2) == 0 || shape[d] == 1) continue;
      starts[d] = Below(shape[d]);
      steps[d] = 1 + Below(2);
      shape[d] = (shape[d] - starts[d] - 1) / steps[d] + 1;
    }
    return sketch_.Add(name_, "Slice", {x}, std::move(shape),
                       {{"starts", starts}, {"steps", steps}});
  }

  int Spread(int x) {
    Shape shape = ShapeOf(x);
    for (int64_t& size : shape) {
      if (size == 1 && Below(2) == 0) size = 2 + Below(3);
    }
    if (shape.size() < 4 && Below(2) == 0) shape.insert(shape.begin(), 2);
    return sketch_.Add(name_, "Expand", {x}, std::move(shape));
  }

  int Join(int x) {
    const Shape& shape = ShapeOf(x);
    if (shape.empty()) return Unary(x, "Relu");
    std::vector<int> inputs = {Twin(x), x};
    if (Below(2) == 0) inputs.push_back(Twin(x));
    return sketch_.Concat(name_, std::move(inputs), Below(shape.size()));
  }

  // With what broadcasts against it or it against that.
  int Combine(int x) {
    static constexpr const char* kTypes[] = {"Add", "Sub", "Mul",
                                             "Max", "Min", "Div"};
    const char* const type = kTypes[Below(6)];
    int y = values_[Below(values_.size())];
    const auto both = BroadcastShape(ShapeOf(x), ShapeOf(y));
    if (!both || Below(2) == 0 || type == kTypes[5]) {
      Shape shape = ShapeOf(x);
      for (int64_t& size : shape) {
        if (Below(2) == 0) size = 1;
      }
      shape.erase(shape.begin(), shape.begin() + Below(shape.size() + 1));
      y = sketch_.Random(name_ + ".k", std::move(shape), 0.5f, 2);
      if (type != kTypes[5] && Below(2) == 0) std::swap(x, y);
      const Shape shape_of_all = *BroadcastShape(ShapeOf(x), ShapeOf(y));
      return sketch_.Add(name_, type, {x, y}, shape_of_all);
    }
    return sketch_.Add(name_, type, {x, y}, *both);
  }

  int Reduce(int x) {
    static constexpr const char* kTypes[] = {"ReduceMean", "ReduceMax",
                                             "ReduceMin"};
    const Shape& shape = ShapeOf(x);
    Shape axes, to;
    const bool keeps = Below(2) == 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      const bool is_last = axes.empty() && d + 1 == shape.size();
      const bool reduced = is_last || Below(3) == 0;
      if (reduced) axes.push_back(static_cast<int64_t>(d));
      if (!reduced || keeps) to.push_back(reduced ? 1 : shape[d]);
    }
    return sketch_.Add(name_, kTypes[Below(3)], {x}, std::move(to),
                       {{"axes", axes}});
  }

  int Multiply(int x) {
    Shape shape = ShapeOf(x);
    if (shape.empty()) return Unary(x, "Relu");
    const int64_t k = shape.back();
    if (shape.size() >= 2 && Below(2) == 0) {
      // By itself, turned.
      Shape permutation(shape.size());
      std::iota(permutation.begin(), permutation.end(), 0);
      std::swap(permutation[shape.size() - 1], permutation[shape.size() - 2]);
      Shape turned = shape;
      std::swap(turned[shape.size() - 1], turned[shape.size() - 2]);
      const int other = sketch_.Add(name_ + ".t", "Transpose", {Twin(x)},
                                    std::move(turned), {{"perm", permutation}});
      shape.back() = shape[shape.size() - 2];
      return sketch_.Add(name_, "MatMul", {x, other}, std::move(shape));
    }
    const int64_t n = 1 + Below(9);
    shape.back() = n;
    const int weights = sketch_.Random(name_ + ".w", {k, n}, -0.5f, 0.5f);
    return sketch_.Add(name_, "MatMul", {x, weights}, std::move(shape));
  }

  int Window(int x) {
    const Shape& shape = ShapeOf(x);
    if (shape.size() < 3 || shape.size() > 4) return Unary(x, "Tanh");
    switch (Below(3)) {
      case 0:
        return sketch_.Conv(name_, x, 1 + Below(9), 1 + 2 * Below(2), 1, 1);
      case 1:
        return sketch_.BatchNorm(name_, x);
      default:
        return sketch_.Add(name_, "MaxPool", {x}, shape,
                           {{"kernel_shape", Shape(shape.size() - 2, 3)},
                            {"strides", Shape(shape.size() - 2, 1)},
                            {"dilations", Shape(shape.size() - 2, 1)},
                            {"pads", Shape(2 * (shape.size() - 2), 1)},
                            {"ceil_pads", Shape(shape.size() - 2, 0)}});
    }
  }

  int Normalise(int x) {
    const Shape& shape = ShapeOf(x);
    if (shape.empty()) return Unary(x, "Sigmoid");
    const int64_t axis = Below(shape.size());
    if (Below(2) == 0) {
      return sketch_.Add(name_, "Softmax", {x}, shape,
                         {{"axis", axis}, {"axis_count", int64_t{1}}});
    }
    const Shape row(shape.begin() + axis, shape.end());
    return sketch_.Add(name_, "LayerNormalization",
                       {x, sketch_.Random(name_ + ".s", row)}, shape,
                       {{"axis", axis}, {"epsilon", 0.1f}});
  }

  int Next(int x) {
    switch (Below(14)) {
      case 0:
      case 1:
        return Regroup(x);
      case 2:
      case 3:
        return Turn(x);
      case 4:
        return Cut(x);
      case 5:
        return Spread(x);
      case 6:
      case 7:
        return Join(x);
      case 8:
      case 9:
        return Combine(x);
      case 10:
        return Below(2) == 0 ? Reduce(x) : Normalise(x);
      case 11:
        return Multiply(x);
      case 12:
        return Window(x);
      default:
        return Unary(x, Below(2) == 0 ? "Relu" : "Softsign");
    }
  }

  GraphSketch sketch_;
  std::vector<int> values_, answers_;
  std::string name_;
};

TEST_CASE("Random views answer as drawn, however they are packed") {
  const uint32_t seed = GENERATE(range(0u, 100u));
  INFO("seed " << seed);
  RandomTensors tensors(seed);

  CheckAnswers(tensors.Draw());
}

}  // namespace
}  // namespace layerd
