#include "test/conformance/run_case.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/status_macros.h"
#include "daemon/engine/engine.h"
#include "daemon/pack/packer.h"
#include "daemon/plan/memory_plan.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

struct Packed {
  absl::Status status;
  bool is_bound = false;
};

bool IsAdvised(const std::string& name, const absl::Status& refusal) {
  const auto [_, advice] = std::pair<std::string, std::string>(absl::StrSplit(
      refusal.message(), absl::MaxSplits("follows from the model's input", 1)));
  return absl::StrContains(advice, absl::StrCat("\"", name, "\""));
}

// What a user would bind after reading why packing refused.
PackOptions BindingsFor(const BackendCase& backend_case, const DataSet& set,
                        const absl::Status& refusal) {
  PackOptions options;
  for (size_t i = 0; i < set.inputs.size(); ++i) {
    const std::string& name = backend_case.inputs[i];
    const HeldTensor& input = set.inputs[i];
    if (backend_case.known_values.count(name) > 0 || IsAdvised(name, refusal)) {
      Constant value;
      value.dtype = input.dtype;
      value.shape = input.shape;
      value.held = input.bytes;
      options.values.emplace(name, std::move(value));
    } else if (backend_case.free_shapes.count(name) > 0) {
      options.shapes.emplace(name, input.shape);
    }
  }
  return options;
}

Packed PackCase(const BackendCase& backend_case, const std::string& folder,
                const std::string& layer_file) {
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const std::string model = backend_case.folder + "/model.onnx";
  const auto pack = [&](const PackOptions& options) {
    return Pack(model, layer_file, options, *backend, nullptr).status();
  };
  const absl::Status as_is = pack({});
  if (as_is.ok()) return {as_is};
  const auto set = ReadDataSet(folder);
  if (!set.ok() || set->inputs.size() > backend_case.inputs.size()) {
    return {as_is};
  }
  const PackOptions bindings = BindingsFor(backend_case, *set, as_is);
  if (bindings.values.empty() && bindings.shapes.empty()) return {as_is};
  return {pack(bindings), true};
}

// The cases' files call the bits of bfloat16 UINT16.
bool IsAs(const HeldTensor& tensor, DataType dtype) {
  return tensor.dtype == dtype ||
         (tensor.dtype == DataType::kU16 && dtype == DataType::kBF16);
}

// The model's own inputs among those of the data set.
absl::StatusOr<std::vector<std::span<const std::byte>>> InputsOf(
    const BackendCase& backend_case, const DataSet& set, const Model& model) {
  std::vector<std::span<const std::byte>> inputs;
  for (const Model::Port& port : model.inputs()) {
    const auto name = std::find(backend_case.inputs.begin(),
                                backend_case.inputs.end(), port.name);
    const auto i = static_cast<size_t>(name - backend_case.inputs.begin());
    if (i >= set.inputs.size() || !IsAs(set.inputs[i], port.dtype) ||
        set.inputs[i].shape != port.shape) {
      return absl::FailedPreconditionError(absl::StrCat(
          "its input ", port.name, " is not as its own model declares"));
    }
    inputs.emplace_back(set.inputs[i].bytes);
  }
  return inputs;
}

absl::StatusOr<std::vector<HeldTensor>> Ask(const BackendCase& backend_case,
                                            const DataSet& set,
                                            const std::string& layer_file,
                                            uint64_t budget_bytes) {
  EngineOptions options;
  options.weight_budget_bytes = budget_bytes;
  ASSIGN_OR_RETURN(const auto engine, Engine::Start(options));
  const std::vector<Engine::ModelSource> sources{{layer_file, "case", "1"}};
  RETURN_IF_ERROR(engine->LoadModels(sources).front());
  const std::shared_ptr<Model> model = engine->Find("case", "");
  ASSIGN_OR_RETURN(const auto inputs, InputsOf(backend_case, set, *model));
  std::vector<HeldTensor> outputs;
  for (const Model::Port& port : model->outputs()) {
    outputs.push_back(
        {port.dtype, port.shape, std::vector<std::byte>(port.bytes)});
  }
  std::vector<std::span<std::byte>> bytes;
  for (HeldTensor& output : outputs) bytes.emplace_back(output.bytes);
  JobStats stats;
  RETURN_IF_ERROR(engine->Run(model, inputs, bytes, &stats));
  return outputs;
}

// Under the smallest budget that will do.
absl::StatusOr<std::vector<HeldTensor>> AskStreamed(
    const BackendCase& backend_case, const DataSet& set,
    const std::string& layer_file) {
  auto outputs = Ask(backend_case, set, layer_file, 1);
  if (outputs.ok()) return outputs;
  const auto least = MinimumBudgetBytes(outputs.status());
  if (!least) return outputs;
  return Ask(backend_case, set, layer_file, *least);
}

// Nothing, or what is wrong.
std::string Compare(const std::vector<HeldTensor>& streamed,
                    const std::vector<HeldTensor>& resident,
                    const std::vector<HeldTensor>& wanted) {
  if (streamed.size() != wanted.size()) return "not as many outputs";
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (streamed[i].bytes != resident[i].bytes) {
      return "streamed and resident differ";
    }
    HeldTensor want = wanted[i];
    if (IsAs(want, streamed[i].dtype)) want.dtype = streamed[i].dtype;
    const std::string why = WhyDifferent(streamed[i], want);
    if (!why.empty()) return absl::StrCat("output ", i, ": ", why);
  }
  return "";
}

Verdict Check(const BackendCase& backend_case, const DataSet& set,
              const std::string& layer_file) {
  const auto streamed = AskStreamed(backend_case, set, layer_file);
  if (absl::IsFailedPrecondition(streamed.status())) {
    return {Outcome::kRefused, std::string(streamed.status().message())};
  }
  if (!streamed.ok()) return {Outcome::kWrong, streamed.status().ToString()};
  const auto resident = Ask(backend_case, set, layer_file, kAll);
  if (!resident.ok()) return {Outcome::kWrong, resident.status().ToString()};
  const std::string why = Compare(*streamed, *resident, set.outputs);
  return {why.empty() ? Outcome::kPassed : Outcome::kWrong, why};
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsUnimplemented(status) || absl::IsInvalidArgument(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

Verdict RunCase(const BackendCase& backend_case) {
  const ScratchFolder scratch;
  const std::string layer_file = scratch / "case.layers";
  bool is_bound = false;
  for (const std::string& folder : DataSetFolders(backend_case)) {
    const Packed packed = PackCase(backend_case, folder, layer_file);
    if (!packed.status.ok()) {
      const std::string words(packed.status.message());
      return IsRefusal(packed.status) && !words.empty()
                 ? Verdict{Outcome::kRefused, words}
                 : Verdict{Outcome::kWrong, packed.status.ToString()};
    }
    is_bound = is_bound || packed.is_bound;
    const auto set = ReadDataSet(folder);
    if (!set.ok()) return {Outcome::kWrong, set.status().ToString()};
    const Verdict verdict = Check(backend_case, *set, layer_file);
    if (verdict.outcome != Outcome::kPassed) return verdict;
  }
  return {is_bound ? Outcome::kPassedBound : Outcome::kPassed, ""};
}

}  // namespace layerd
