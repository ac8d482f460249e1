#include <chrono>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/answers.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/contestant.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/layer_file_for.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/ctl/shared_options.h"
#include "daemon/engine/engine.h"
#include "daemon/plan/quantile.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/process_usage.h"

namespace layerd {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint64_t kRepeatMax = 1'000'000;
constexpr char kModelName[] = "model";

struct OneRun {
  double latency_ms = 0;
  uint64_t read_bytes = 0;
};

struct Outcome {
  std::vector<OneRun> runs;
  std::vector<NamedArray> outputs;
  uint64_t read_bytes = 0;  // Since the start, resident heads included.
  Engine::MemoryStats memory{};
  uint64_t peak_rss_bytes = 0;
};

absl::StatusOr<EngineOptions> ReadEngineOptions(const CommandLine& line) {
  EngineOptions options;
  ASSIGN_OR_RETURN(options.weight_budget_bytes, line.Bytes("--budget", kAll));
  ASSIGN_OR_RETURN(options.memory_budget_bytes,
                   line.Bytes("--memory-budget", kAll));
  ASSIGN_OR_RETURN(options.threads, ReadThreads(line));
  ASSIGN_OR_RETURN(options.backend,
                   line.OneOf("--backend", {"cpu", "cuda", "reference"}));
  ASSIGN_OR_RETURN(
      options.cuda_memory,
      line.OneOf("--cuda-memory", {"probe", "staged", "mapped", "managed"}));
  ASSIGN_OR_RETURN(options.io_engine,
                   line.OneOf("--io-engine", {"auto", "io_uring", "pread"}));
  options.cache_path = CacheFolder(line.Text("--cache", ""));
  options.read_ahead = false;  // It would read for a request that never comes.
  return options;
}

// A file in the cache that is damaged, or was made for other kernels.
bool MayPackAgain(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status);
}

absl::StatusOr<std::shared_ptr<Model>> LoadModel(LayerFileFor file,
                                                 Engine* engine) {
  const bool was_there = file.is_there();
  if (file.can_pack() && !was_there) RETURN_IF_ERROR(file.Pack());
  const std::vector<Engine::ModelSource> sources{
      {file.path(), kModelName, "1"}};
  absl::Status status = engine->LoadModels(sources).front();
  if (file.can_pack() && was_there && MayPackAgain(status)) {
    RETURN_IF_ERROR(file.Pack());
    status = engine->LoadModels(sources).front();
  }
  RETURN_IF_ERROR(status);
  return engine->Find(kModelName, "");
}

std::vector<NamedArray> EmptyOutputs(const Model& model) {
  std::vector<NamedArray> outputs;
  for (const Model::Port& port : model.outputs()) {
    outputs.push_back(
        {port.name, {port.dtype, port.shape, std::string(port.bytes, '\0')}});
  }
  return outputs;
}

absl::StatusOr<OneRun> RunOnce(const std::shared_ptr<Model>& model,
                               const std::vector<Array>& inputs, Engine* engine,
                               std::vector<NamedArray>* outputs) {
  std::vector<std::span<const std::byte>> input_bytes;
  for (const Array& input : inputs) {
    input_bytes.push_back(std::as_bytes(std::span(input.bytes)));
  }
  std::vector<std::span<std::byte>> output_bytes;
  for (NamedArray& output : *outputs) {
    output_bytes.push_back(
        std::as_writable_bytes(std::span(output.array.bytes)));
  }
  JobStats stats;
  const auto start = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(engine->Run(model, input_bytes, output_bytes, &stats));
  const Milliseconds latency = std::chrono::steady_clock::now() - start;
  return OneRun{latency.count(), stats.read_bytes};
}

absl::Status CheckSame(const std::vector<NamedArray>& first,
                       const std::vector<NamedArray>& now, size_t run) {
  for (size_t i = 0; i < first.size(); ++i) {
    if (first[i].array.bytes != now[i].array.bytes) {
      return absl::InternalError(absl::StrFormat(
          "output '%s' of run %d differs from that of run 1: this must never "
          "happen, please report it",
          first[i].name, run));
    }
  }
  return absl::OkStatus();
}

absl::Status RunAll(const std::shared_ptr<Model>& model,
                    const std::vector<Array>& inputs, uint64_t repeat,
                    Engine* engine, Outcome* outcome) {
  for (uint64_t run = 1; run <= repeat; ++run) {
    std::vector<NamedArray> outputs = EmptyOutputs(*model);
    ASSIGN_OR_RETURN(const OneRun one,
                     RunOnce(model, inputs, engine, &outputs));
    outcome->runs.push_back(one);
    if (run > 1) RETURN_IF_ERROR(CheckSame(outcome->outputs, outputs, run));
    outcome->outputs = std::move(outputs);
  }
  return absl::OkStatus();
}

double MedianMs(const std::vector<OneRun>& runs) {
  std::vector<double> latencies_ms;
  for (const OneRun& run : runs) latencies_ms.push_back(run.latency_ms);
  return Median(latencies_ms);
}

std::string JsonOf(const Outcome& outcome) {
  JsonWriter json;
  json.BeginObject();
  json.Add("latency_ms", MedianMs(outcome.runs));
  json.Add("read_bytes", outcome.read_bytes);
  json.Add("weight_memory_bytes", outcome.memory.weight_memory_bytes());
  json.Add("ring_bytes", outcome.memory.ring_bytes);
  json.Add("head_bytes", outcome.memory.head_bytes);
  json.Add("table_bytes", outcome.memory.table_bytes);
  json.Add("decode_bytes", outcome.memory.decode_bytes);
  json.Add("arena_bytes", outcome.memory.arena_bytes);
  json.Add("weight_bytes", outcome.memory.weight_bytes);
  json.Add("peak_rss_bytes", outcome.peak_rss_bytes);
  json.BeginArray("runs");
  for (const OneRun& run : outcome.runs) {
    json.BeginObject();
    json.Add("latency_ms", run.latency_ms);
    json.Add("read_bytes", run.read_bytes);
    json.EndObject();
  }
  json.EndArray();
  json.BeginArray("outputs");
  for (const NamedArray& output : outcome.outputs) {
    AddAnswer(output, AnswerOptions(), &json);
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string TextOf(const Outcome& outcome) {
  const Engine::MemoryStats& memory = outcome.memory;
  std::string text = absl::StrFormat(
      "%.3f ms%s; weights %s, memory for them %s (ring %s, head %s, tables %s, "
      "decoding %s); arena %s; read %s; peak memory %s\n",
      MedianMs(outcome.runs),
      outcome.runs.size() == 1
          ? ""
          : absl::StrFormat(" (median of %d runs, outputs identical)",
                            outcome.runs.size()),
      FormatByteSize(memory.weight_bytes),
      FormatByteSize(memory.weight_memory_bytes()),
      FormatByteSize(memory.ring_bytes), FormatByteSize(memory.head_bytes),
      FormatByteSize(memory.table_bytes), FormatByteSize(memory.decode_bytes),
      FormatByteSize(memory.arena_bytes), FormatByteSize(outcome.read_bytes),
      FormatByteSize(outcome.peak_rss_bytes));
  for (const NamedArray& output : outcome.outputs) {
    absl::StrAppend(&text, AnswerText(output, AnswerOptions()));
  }
  return text;
}

absl::Status WriteOutputs(const std::vector<std::string>& paths,
                          const std::vector<NamedArray>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (paths[i].empty()) continue;
    RETURN_IF_ERROR(WriteNpy(paths[i], outputs[i].array));
  }
  return absl::OkStatus();
}

absl::Status RunRun(const CommandLine& line) {
  const std::string& file = line.operands().front();
  ASSIGN_OR_RETURN(const EngineOptions options, ReadEngineOptions(line));
  ASSIGN_OR_RETURN(const uint64_t repeat,
                   line.Number("--repeat", 1, 1, kRepeatMax));
  PackOptions packing;
  ASSIGN_OR_RETURN(packing.shapes, ReadShapes(line, file));
  ASSIGN_OR_RETURN(packing.compute, ReadCompute(line));
  ASSIGN_OR_RETURN(packing.weights, ReadWeights(line, packing.compute));
  if (options.backend == "cuda") PackForCuda(&packing);
  if (packing.compute == "f16" && options.backend != "cuda") {
    return UsageError("--compute f16 needs --backend cuda");
  }
  ASSIGN_OR_RETURN(
      LayerFileFor layer_file,
      LayerFileFor::Find(file, CacheFolder(line.Text("--cache", "")), packing));
  auto engine = Engine::Start(options);
  if (absl::IsUnavailable(engine.status())) return NoDevice(engine.status());
  RETURN_IF_ERROR(engine.status());
  ASSIGN_OR_RETURN(const std::shared_ptr<Model> model,
                   LoadModel(std::move(layer_file), engine->get()));
  for (const std::string& warning : (*engine)->warnings()) Warn(warning);
  ASSIGN_OR_RETURN(const std::vector<Array> inputs,
                   ReadInputs(line.All("--input"), PortsOf(model->inputs())));
  ASSIGN_OR_RETURN(
      const std::vector<std::string> output_paths,
      OutputPaths(line.All("--output"), PortsOf(model->outputs())));
  Outcome outcome;
  RETURN_IF_ERROR(RunAll(model, inputs, repeat, engine->get(), &outcome));
  RETURN_IF_ERROR(WriteOutputs(output_paths, outcome.outputs));
  outcome.read_bytes = (*engine)->loading().read_bytes;
  outcome.memory = (*engine)->memory();
  outcome.peak_rss_bytes = UsageOfThisProcess().peak_resident_bytes;
  return WriteAnswer(line.json() ? JsonOf(outcome) : TextOf(outcome));
}

}  // namespace

Command RunCommand() {
  return {
      .name = "run",
      .operands = "FILE",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary = "Computes one inference without a daemon.",
      .options =
          {{.name = "--input",
            .value = "NAME=x.npy",
            .help = "an input; with one input NAME= may be left out",
            .repeats = true},
           {.name = "--output",
            .value = "NAME=y.npy",
            .help = "where an output goes; others are not written",
            .repeats = true},
           {.name = "--budget",
            .value = "SIZE",
            .help = "of memory for weights: 16MiB, 1GiB, all; default all"},
           {.name = "--memory-budget",
            .value = "SIZE",
            .help = "of weights, activations and scratch together; default "
                    "all"},
           ThreadsOption(),
           {.name = "--backend",
            .value = "cpu|cuda|reference",
            .help = "what computes; cuda exits 3 where it is not to be had, "
                    "reference is slow and simple; default cpu"},
           {.name = "--cuda-memory",
            .value = "probe|staged|mapped|managed",
            .help = "how weights come to a GPU; default probe"},
           {.name = "--io-engine",
            .value = "auto|io_uring|pread",
            .help = "what reads; default auto"},
           {.name = "--repeat",
            .value = "K",
            .help = "runs; all outputs must be identical; default 1"},
           WeightsOption(),
           ComputeOption(),
           ShapeOption(),
           CacheOption()},
      .notes =
          "FILE is a layer file, or FILE.onnx that is packed first. A "
          ".npy file has C order and exactly the datatype and shape of "
          "its input. A `=` inside NAME is written `\\=`. Below the "
          "smallest budget that would do, that budget is said and the "
          "exit code is 1.",
      .run = RunRun,
  };
}

}  // namespace layerd
