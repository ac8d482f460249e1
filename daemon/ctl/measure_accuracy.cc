#include "daemon/ctl/measure_accuracy.h"

#include <filesystem>
#include <memory>
#include <string>

#include "config/status_macros.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/contestant.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/temporary_folder.h"
#include "daemon/plan/memory_plan.h"
#include "kernels/cpu/cpu_backend.h"

namespace layerd {
namespace {

// The machine that packs may not be able to hold the weights.
constexpr uint64_t kWeightBudgetBytes = 32 << 20;

using Arrays = std::vector<Array>;

std::string FolderOf(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

absl::StatusOr<Contestant> StartSmall(const std::string& layer_file) {
  EngineOptions options;
  options.weight_budget_bytes = kWeightBudgetBytes;
  auto contestant = Contestant::Start(options, layer_file);
  if (contestant.ok()) return contestant;
  const auto minimum = MinimumBudgetBytes(contestant.status());
  if (!minimum) return contestant;
  options.weight_budget_bytes = *minimum;
  return Contestant::Start(options, layer_file);
}

absl::StatusOr<std::vector<Arrays>> InputsFor(const AccuracyQuestion& question,
                                              const Model& model) {
  const std::vector<ArrayPort> ports = PortsOf(model.inputs());
  std::vector<Arrays> inputs;
  if (!question.inputs.empty()) {
    ASSIGN_OR_RETURN(Arrays given, ReadInputs(question.inputs, ports));
    inputs.push_back(std::move(given));
    return inputs;
  }
  for (uint64_t seed = 0; seed < question.seeds; ++seed) {
    Arrays& arrays = inputs.emplace_back();
    for (const ArrayPort& port : ports) {
      ASSIGN_OR_RETURN(Array array, RandomArray(port, seed));
      arrays.push_back(std::move(array));
    }
  }
  return inputs;
}

absl::StatusOr<Arrays> Ask(const Arrays& inputs, Contestant* contestant) {
  RETURN_IF_ERROR(contestant->Ask(inputs, /*counts=*/false));
  Arrays outputs;
  const std::vector<Model::Port>& ports = contestant->model().outputs();
  for (size_t i = 0; i < ports.size(); ++i) {
    outputs.push_back(
        {ports[i].dtype, ports[i].shape, contestant->outputs()[i]});
  }
  return outputs;
}

}  // namespace

absl::StatusOr<Accuracy> MeasureAccuracy(const AccuracyQuestion& question) {
  ASSIGN_OR_RETURN(const TemporaryFolder folder,
                   TemporaryFolder::Make({FolderOf(question.layer_file)}));
  const std::string wide_file = folder / "f32.layers";
  PackOptions options = question.options;
  options.weights = "f32";
  RETURN_IF_ERROR(Pack(question.onnx_path, wide_file, options,
                       *MakeCpuBackend(1), ProgressBar("packing f32"))
                      .status());
  ASSIGN_OR_RETURN(Contestant wide, StartSmall(wide_file));
  ASSIGN_OR_RETURN(Contestant narrow, StartSmall(question.layer_file));
  ASSIGN_OR_RETURN(const std::vector<Arrays> inputs,
                   InputsFor(question, wide.model()));
  std::vector<std::string> names;
  for (const Model::Port& port : wide.model().outputs()) {
    names.push_back(port.name);
  }
  AccuracyOf accuracy(names);
  for (const Arrays& request : inputs) {
    ASSIGN_OR_RETURN(const Arrays expected, Ask(request, &wide));
    ASSIGN_OR_RETURN(const Arrays actual, Ask(request, &narrow));
    accuracy.Add(expected, actual);
  }
  return accuracy.Finish(question.inputs.empty());
}

}  // namespace layerd
