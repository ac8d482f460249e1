#include "daemon/ctl/plan_question.h"

#include <optional>

#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/costs_of.h"
#include "daemon/ctl/layer_file_for.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/ctl/shared_options.h"
#include "daemon/plan/cost_profile.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/processor_name.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/layouts.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {
namespace {

absl::StatusOr<std::unique_ptr<Backend>> BackendFor(
    const std::string& layer_file, int threads) {
  ASSIGN_OR_RETURN(const auto reader, LayerFileReader::Open(layer_file));
  const bool on_device = reader->manifest().kernel_key().backend() == "cuda";
  return on_device ? MakeCudaLayouts() : MakeCpuBackend(threads);
}

absl::StatusOr<std::string> PackedFile(const CommandLine& line,
                                       const std::string& file,
                                       const std::string& cache) {
  PackOptions packing;
  RETURN_IF_ERROR(ReadKernels(line, &packing));
  ASSIGN_OR_RETURN(packing.shapes, ReadShapes(line, file));
  ASSIGN_OR_RETURN(LayerFileFor layer_file,
                   LayerFileFor::Find(file, cache, packing));
  RETURN_IF_ERROR(layer_file.PackOnce());
  return layer_file.path();
}

// The costs of the model on that machine.
absl::Status AddCosts(const CommandLine& line, const std::string& layer_file,
                      const std::string& cache, int threads,
                      PlanQuestion* question) {
  ASSIGN_OR_RETURN(Machine machine, ReadMachine(line));
  ASSIGN_OR_RETURN(
      const std::string memory,
      line.OneOf("--cuda-memory", {"staged", "mapped", "managed"}));
  const Program& program = question->model->program();
  std::optional<CostProfile> profile;
  // What was measured here says nothing about a machine that is elsewhere.
  if (!line.Has("--machine") || machine.processor == ProcessorName()) {
    ASSIGN_OR_RETURN(
        const KnownCosts known,
        KnownCostsOf(layer_file, cache, threads, question->backend->key()));
    profile = known.Read(program.parts.size());
  }
  question->measured = profile.has_value();
  question->device_base_bytes = machine.DeviceBaseBytes();
  question->device_measured = machine.device_copy_bytes_per_s > 0;
  if (question->on_device) machine = machine.WithDevice(memory != "mapped");
  // A machine that is given says how fast its drive is.
  if (profile && line.Has("--machine")) profile->drive = {};
  question->costs = CostsOf(program, profile, machine, threads);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PlanQuestion> ReadPlanQuestion(const CommandLine& line,
                                              const std::string& file) {
  PlanQuestion question;
  question.file = file;
  ASSIGN_OR_RETURN(question.budgets.weight_bytes,
                   line.Bytes("--budget", kAllBytes));
  ASSIGN_OR_RETURN(question.budgets.memory_bytes,
                   line.Bytes("--memory-budget", kAllBytes));
  ASSIGN_OR_RETURN(const int threads, ReadThreads(line));
  const std::string cache = CacheFolder(line.Text("--cache", ""));
  ASSIGN_OR_RETURN(const std::string layer_file, PackedFile(line, file, cache));
  ASSIGN_OR_RETURN(question.backend, BackendFor(layer_file, threads));
  question.on_device = question.backend->key().backend == "cuda";
  ASSIGN_OR_RETURN(question.model, Model::Load(layer_file, "model", "1", {},
                                               question.backend.get(),
                                               question.budgets.memory_bytes));
  RETURN_IF_ERROR(AddCosts(line, layer_file, cache, threads, &question));
  return question;
}

std::vector<Option> PlanQuestionOptions() {
  return {MachineOption(),
          {.name = "--cuda-memory",
           .value = "staged|mapped|managed",
           .help = "how weights come to a GPU, of a file for one; mapped "
                   "copies nothing; default staged"},
          ThreadsOption(),
          KernelsOption(),
          WeightsOption(),
          ComputeOption(),
          ShapeOption(),
          CacheOption()};
}

}  // namespace layerd
