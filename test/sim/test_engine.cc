#include "test/sim/test_engine.h"

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <utility>

#include "config/check.h"
#include "daemon/model/random_model.h"
#include "kernels/reference/reference_backend.h"
#include "loader/io/open_io_engine.h"
#include "test/sim/forwarding_backend.h"

namespace layerd {
namespace {

std::filesystem::path TestFolder() {
  const char* folder = std::getenv("TEST_TMPDIR");
  return folder ? folder : ".";
}

}  // namespace

std::string WriteModel(const std::string& name, uint32_t seed, size_t layers,
                       DataType dtype) {
  const std::filesystem::path path = TestFolder() / name;
  RandomModel model(seed, layers);
  if (dtype != DataType::kF32) model.StoreAs(dtype);
  model.Write(path.string(), MakeReferenceBackend()->key());
  return path.string();
}

DataType StoredDataType(uint32_t seed) {
  constexpr DataType kTypes[] = {DataType::kF32, DataType::kF16,
                                 DataType::kBF16, DataType::kI8};
  return kTypes[seed % std::size(kTypes)];
}

void DamageLastByte(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(-1, std::ios::end);
  file.put(byte);
  LAYERD_CHECK(file.good());
}

EngineOptions WithEmptyCache(const std::string& name) {
  EngineOptions options;
  options.cache_path = TestFolder() / name;
  std::filesystem::remove_all(options.cache_path);
  return options;
}

struct TestEngine::Hooks {
  std::mutex mutex;
  std::function<void(size_t)> on_part;
  size_t parts = 0;
};

namespace {

// A backend, and somebody who is told of each part.
class HookedBackend final : public ForwardingBackend {
 public:
  HookedBackend(std::function<void()> before_part,
                std::unique_ptr<Backend> inner)
      : ForwardingBackend(std::move(inner)),
        before_part_(std::move(before_part)) {}

  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override {
    before_part_();
    return inner_->Enqueue(kernel, memory);
  }

 private:
  std::function<void()> before_part_;
};

IoEngineOpener OpenerOf(Drive drive,
                        std::shared_ptr<std::vector<SimFault>> faults) {
  if (drive == Drive::kAuto || drive == Drive::kPread) {
    return [drive] {
      return OpenIoEngine(
          drive == Drive::kAuto ? IoEngineKind::kAuto : IoEngineKind::kPread,
          4);
    };
  }
  return [faults, seed = uint32_t{0}]() mutable {
    auto engine = std::make_unique<SimIoEngine>(seed++);
    for (const SimFault& fault : *faults) engine->AddFault(fault);
    return absl::StatusOr<IoEngineChoice>(
        IoEngineChoice{std::move(engine), {}});
  };
}

std::vector<std::vector<std::byte>> InputsOf(const Model& model,
                                             uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<std::vector<std::byte>> inputs;
  for (const Model::Port& port : model.inputs()) {
    std::vector<float> elements(port.bytes / sizeof(float));
    for (float& element : elements) element = value(random);
    const auto bytes = std::as_bytes(std::span(elements));
    inputs.emplace_back(bytes.begin(), bytes.end());
  }
  return inputs;
}

std::vector<std::vector<std::byte>> OutputsFor(const Model& model) {
  std::vector<std::vector<std::byte>> outputs;
  for (const Model::Port& port : model.outputs()) {
    outputs.emplace_back(port.bytes);
  }
  return outputs;
}

struct Latch {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
};

}  // namespace

TestEngine::TestEngine(const EngineOptions& options, Drive drive,
                       std::unique_ptr<Backend> backend)
    : hooks_(std::make_shared<Hooks>()),
      faults_(std::make_shared<std::vector<SimFault>>()) {
  Start(options, OpenerOf(drive, faults_), std::move(backend));
}

TestEngine::TestEngine(const EngineOptions& options, IoEngineOpener open_drive,
                       std::unique_ptr<Backend> backend)
    : hooks_(std::make_shared<Hooks>()),
      faults_(std::make_shared<std::vector<SimFault>>()) {
  Start(options, std::move(open_drive), std::move(backend));
}

void TestEngine::Start(const EngineOptions& options, IoEngineOpener open_drive,
                       std::unique_ptr<Backend> backend) {
  EngineParts parts;
  parts.backend = std::make_unique<HookedBackend>(
      [hooks = hooks_] {
        const std::lock_guard<std::mutex> lock(hooks->mutex);
        if (hooks->on_part) hooks->on_part(hooks->parts);
        ++hooks->parts;
      },
      std::move(backend));
  parts.open_io_engine = std::move(open_drive);
  auto clock = std::make_unique<ManualClock>();
  clock_ = clock.get();
  parts.clock = std::move(clock);
  engine_ = std::make_unique<LocalEngine>(options, std::move(parts));
}

TestEngine::~TestEngine() = default;

absl::Status TestEngine::Load(const std::string& path, const std::string& name,
                              int level) {
  return engine_->LoadModels({{path, name, "1", level}})[0];
}

uint64_t TestEngine::MinimumWeightBytes() const {
  std::vector<ModelDemand> demands;
  for (const std::shared_ptr<Model>& model : engine_->models()) {
    demands.push_back({model->name(), model->level(), &model->program(),
                       model->scratch_bytes(), model->decode_bytes()});
  }
  return MemoryPlan::Make(demands, {})->minimum_weight_bytes;
}

TestAnswer TestEngine::Ask(const std::string& name, uint32_t input_seed,
                           const std::function<void(Job&)>& change) {
  return AskModel(engine_->Find(name, ""), input_seed, change);
}

TestAnswer TestEngine::AskModel(std::shared_ptr<Model> model,
                                uint32_t input_seed,
                                const std::function<void(Job&)>& change) {
  const auto inputs = InputsOf(*model, input_seed);
  TestAnswer answer;
  answer.outputs = OutputsFor(*model);
  Latch latch;
  auto job = std::make_unique<Job>();
  job->inputs.assign(inputs.begin(), inputs.end());
  job->outputs.assign(answer.outputs.begin(), answer.outputs.end());
  job->level = model->level();
  job->model = std::move(model);
  job->arrival = clock_->now();
  job->done = [&](const absl::Status& status, const JobStats& stats) {
    const std::lock_guard<std::mutex> lock(latch.mutex);
    answer.status = status;
    answer.stats = stats;
    latch.open = true;
    latch.changed.notify_one();
  };
  if (change) change(*job);
  if (absl::Status status = engine_->Submit(std::move(job)); !status.ok()) {
    answer.status = status;
    return answer;
  }
  std::unique_lock<std::mutex> lock(latch.mutex);
  latch.changed.wait(lock, [&] { return latch.open; });
  return answer;
}

absl::Status TestEngine::Submit(const std::string& name,
                                std::vector<std::string>* order,
                                const std::function<void(Job&)>& change) {
  struct Buffers {
    std::vector<std::vector<std::byte>> inputs, outputs;
  };
  auto job = std::make_unique<Job>();
  job->model = engine_->Find(name, "");
  auto buffers = std::make_shared<Buffers>(
      Buffers{InputsOf(*job->model, 0), OutputsFor(*job->model)});
  job->inputs.assign(buffers->inputs.begin(), buffers->inputs.end());
  job->outputs.assign(buffers->outputs.begin(), buffers->outputs.end());
  job->level = job->model->level();
  job->arrival = clock_->now();
  job->done = [buffers, name, order](const absl::Status& status,
                                     const JobStats&) {
    order->push_back(status.ok() ? name
                                 : absl::StatusCodeToString(status.code()));
  };
  if (change) change(*job);
  return engine_->Submit(std::move(job));
}

void TestEngine::OnPart(std::function<void(size_t)> hook) {
  const std::lock_guard<std::mutex> lock(hooks_->mutex);
  hooks_->on_part = std::move(hook);
  hooks_->parts = 0;
}

size_t TestEngine::parts_run() const {
  const std::lock_guard<std::mutex> lock(hooks_->mutex);
  return hooks_->parts;
}

}  // namespace layerd
