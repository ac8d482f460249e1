#include "daemon/pack/network/naive_answers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <variant>

#include "config/check.h"
#include "daemon/plan/program_check.h"
#include "kernels/backend.h"
#include "kernels/reference/reference_backend.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;
using Floats = std::vector<float>;

TensorType PlainType(const Shape& shape) {
  return {DataType::kF32, shape, PlainStrides(shape)};
}

// In the order of weight.shape.
Floats NumbersOf(const Network& network, const Weight& weight) {
  Floats numbers = *ReadAll(network, weight);
  if (weight.transposed) {
    const Floats rows = numbers;
    const int64_t n = weight.shape[0];
    const int64_t k = weight.shape[1];
    for (int64_t i = 0; i < n * k; ++i) numbers[i] = rows[i % k * n + i / k];
  }
  LAYERD_CHECK(weight.input_scale.empty(), "folded networks are not naive");
  for (size_t i = 0; i < numbers.size() && !weight.output_scale.empty(); ++i) {
    numbers[i] *= weight.output_scale[i * weight.shape[0] / numbers.size()];
  }
  return numbers;
}

Shape PieceShape(const Operation& node, const Weight& weight) {
  Shape shape = weight.shape;
  const auto* conv = OperatorOf<Convolution>(node);
  if (conv != nullptr && conv->groups > 1 && shape.size() > 1) {
    shape[0] /= conv->groups;
    shape.insert(shape.begin(), conv->groups);
  }
  return shape;
}

class Evaluation {
 public:
  Evaluation(const Network& network, const std::vector<Floats>& inputs)
      : network_(network), values_(network.values.size()) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      values_[network.inputs[i]] = inputs[i];
    }
    for (size_t v = 0; v < values_.size(); ++v) {
      const Network::Value& value = network.values[v];
      if (value.constant < 0) continue;
      values_[v] = *ReadAll(network, Weight::Of(value.constant, value.shape));
    }
  }

  std::vector<Floats> Run() {
    for (const Operation& node : network_.nodes) {
      Floats& output = values_[node.output];
      output.resize(PlainType(ShapeOf(node.output)).element_count());
      if (std::holds_alternative<Operator>(node.op)) {
        Compute(node, &output);
      } else if (const auto* concat = std::get_if<Concat>(&node.op)) {
        Join(node, concat->axis, &output);
      } else if (const auto* transpose = std::get_if<Transpose>(&node.op)) {
        Permute(node, transpose->permutation, &output);
      } else if (const auto* slice = std::get_if<Slice>(&node.op)) {
        Pick(node, *slice, &output);
      } else if (std::holds_alternative<Expand>(node.op)) {
        const Shape none(ShapeOf(node.output).size(), 0);
        Pick(node, {none, none}, &output);
      } else {
        output = values_[node.inputs[0]];
      }
    }
    std::vector<Floats> outputs;
    for (const int output : network_.outputs) {
      outputs.push_back(values_[output]);
    }
    return outputs;
  }

 private:
  const Shape& ShapeOf(int value) const { return network_.values[value].shape; }

  void Compute(const Operation& node, Floats* output) {
    PartSpec spec;
    spec.op = std::get<Operator>(node.op);
    spec.outputs = {PlainType(ShapeOf(node.output))};
    spec.channels = AllChannels(spec.op, spec.outputs[0]);
    spec.rows = AllRows(spec.op, spec.outputs[0]);
    std::vector<const std::byte*> inputs;
    for (const int input : node.inputs) {
      spec.inputs.push_back(PlainType(ShapeOf(input)));
      inputs.push_back(
          reinterpret_cast<const std::byte*>(values_[input].data()));
    }
    std::vector<std::byte> weights;
    for (const Weight& weight : node.weights) {
      weights.resize((weights.size() + 255) / 256 * 256);
      const Floats numbers = NumbersOf(network_, weight);
      spec.weights.push_back(
          {WeightLayout::Plain(DataType::kF32, PieceShape(node, weight)),
           weights.size()});
      const auto* bytes = reinterpret_cast<const std::byte*>(numbers.data());
      weights.insert(weights.end(), bytes,
                     bytes + numbers.size() * sizeof(float));
    }
    std::byte* const outputs[] = {reinterpret_cast<std::byte*>(output->data())};
    const auto kernel = backend_->Prepare(spec);
    LAYERD_CHECK(kernel.ok(), kernel.status().ToString());
    std::vector<std::byte> scratch((*kernel)->scratch_bytes());
    LAYERD_CHECK(backend_
                     ->Enqueue(**kernel, {inputs, weights.data(), outputs,
                                          scratch.data()})
                     .ok());
  }

  // Everything outside the axis, then the axis and all inside it.
  void Join(const Operation& node, int64_t axis, Floats* output) {
    float* to = output->data();
    int64_t outer = 1;
    for (int64_t d = 0; d < axis; ++d) outer *= ShapeOf(node.output)[d];
    for (int64_t o = 0; o < outer; ++o) {
      for (const int input : node.inputs) {
        const size_t count = values_[input].size() / outer;
        std::memcpy(to, values_[input].data() + o * count,
                    count * sizeof(float));
        to += count;
      }
    }
  }

  // Of each dimension the element start + i * step; of those that repeat and
  // those that are missing the first one.
  void Pick(const Operation& node, const Slice& slice, Floats* output) {
    const Shape& shape = ShapeOf(node.output);
    const Shape& from_shape = ShapeOf(node.inputs[0]);
    const Shape strides = PlainStrides(from_shape);
    const size_t missing = shape.size() - from_shape.size();
    const bool expands = std::holds_alternative<Expand>(node.op);
    for (size_t i = 0; i < output->size(); ++i) {
      int64_t rest = static_cast<int64_t>(i);
      int64_t from = 0;
      for (size_t d = shape.size(); d-- > missing; rest /= shape[d]) {
        const int64_t at = rest % shape[d];
        const size_t s = d - missing;
        from += strides[s] * (expands ? at % from_shape[s]
                                      : slice.starts[d] + at * slice.steps[d]);
      }
      (*output)[i] = values_[node.inputs[0]][from];
    }
  }

  void Permute(const Operation& node, const Shape& permutation,
               Floats* output) {
    const Shape& shape = ShapeOf(node.output);
    const Shape strides = PlainStrides(ShapeOf(node.inputs[0]));
    for (size_t i = 0; i < output->size(); ++i) {
      int64_t rest = static_cast<int64_t>(i);
      int64_t from = 0;
      for (size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
        from += rest % shape[d] * strides[permutation[d]];
      }
      (*output)[i] = values_[node.inputs[0]][from];
    }
  }

  const Network& network_;
  std::vector<Floats> values_;
  const std::unique_ptr<Backend> backend_ = MakeReferenceBackend();
};

}  // namespace

std::vector<std::vector<float>> NaiveAnswers(
    const Network& network, const std::vector<std::vector<float>>& inputs) {
  return Evaluation(network, inputs).Run();
}

bool AreNear(const std::vector<std::vector<float>>& got,
             const std::vector<std::vector<float>>& want) {
  const auto near = [](float a, float b) {
    return std::abs(a - b) < 1e-5f * (1 + std::abs(b));
  };
  return std::ranges::equal(got, want, [&near](const auto& a, const auto& b) {
    return std::ranges::equal(a, b, near);
  });
}

}  // namespace layerd
