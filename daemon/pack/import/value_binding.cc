#include "daemon/pack/import/value_binding.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {
namespace {

absl::Status Wrong(const std::string& name, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "a value is given for \"%s\", which %s", Printable(name), why));
}

bool Allows(const std::vector<OnnxDimension>& declared,
            const std::vector<int64_t>& shape) {
  return std::equal(declared.begin(), declared.end(), shape.begin(),
                    shape.end(),
                    [](const OnnxDimension& dimension, int64_t size) {
                      return !dimension.value || *dimension.value == size;
                    });
}

absl::Status Check(const OnnxValueInfo& input, const Constant& value) {
  if (input.dtype && *input.dtype != value.dtype) {
    return Wrong(input.name,
                 absl::StrFormat("is %s, not %s", NameOf(*input.dtype),
                                 NameOf(value.dtype)));
  }
  if (input.shape && !Allows(*input.shape, value.shape)) {
    return Wrong(input.name, absl::StrFormat("cannot have the shape [%s]",
                                             absl::StrJoin(value.shape, ", ")));
  }
  return absl::OkStatus();
}

bool IsInitializer(const OnnxModel& model, const std::string& name) {
  return std::any_of(
      model.initializers.begin(), model.initializers.end(),
      [&name](const OnnxTensor& tensor) { return tensor.name == name; });
}

}  // namespace

absl::Status BindValues(const ValueBindings& values, Allowance& held_bytes,
                        OnnxModel* model) {
  for (const auto& [name, value] : values) {
    const auto input = std::find_if(
        model->inputs.begin(), model->inputs.end(),
        [&name = name](const OnnxValueInfo& one) { return one.name == name; });
    if (input == model->inputs.end() || IsInitializer(*model, name)) {
      return Wrong(name, "is no input of the model");
    }
    RETURN_IF_ERROR(Check(*input, value));
    RETURN_IF_ERROR(held_bytes.Take(value.held.size()));
    model->initializers.push_back({name, value});
    model->inputs.erase(input);
  }
  return absl::OkStatus();
}

}  // namespace layerd
