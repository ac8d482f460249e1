#ifndef LAYERD_TEST_SIM_TEST_ENGINE_H_
#define LAYERD_TEST_SIM_TEST_ENGINE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/engine/local_engine.h"
#include "daemon/rt/clock.h"
#include "kernels/backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/sim/sim_io_engine.h"

namespace layerd {

// Writes RandomModel(seed, layers) under the test's temporary folder; its path.
std::string WriteModel(const std::string& name, uint32_t seed,
                       size_t layers = 8, DataType dtype = DataType::kF32);

// One of the four ways to store weights.
DataType StoredDataType(uint32_t seed);

// One bit of the last extent.
void DamageLastByte(const std::string& path);

// With a cache folder of this name, which is empty.
EngineOptions WithEmptyCache(const std::string& name);

enum class Drive { kSim, kPread, kAuto };

// Time that passes when a test says so.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return Instant(nanoseconds_.load()); }
  void Advance(std::chrono::nanoseconds time) {
    nanoseconds_.store(nanoseconds_.load() + time);
  }

 private:
  std::atomic<std::chrono::nanoseconds> nanoseconds_{std::chrono::hours(1)};
};

struct TestAnswer {
  absl::Status status;
  JobStats stats;
  std::vector<std::vector<std::byte>> outputs;
};

// A LocalEngine with a clock that stands still and a drive of choice, and what
// tests ask of it.
class TestEngine {
 public:
  // On the reference backend, or on another.
  TestEngine(const EngineOptions& options, Drive drive,
             std::unique_ptr<Backend> backend = MakeReferenceBackend());
  // On a drive of one's own, which knows no AddFault().
  TestEngine(const EngineOptions& options, IoEngineOpener open_drive,
             std::unique_ptr<Backend> backend);
  ~TestEngine();

  Engine* operator->() { return engine_.get(); }
  ManualClock& clock() { return *clock_; }

  // Version 1.
  absl::Status Load(const std::string& path, const std::string& name,
                    int level);
  // Of all loaded models together.
  uint64_t MinimumWeightBytes() const;

  // One request with inputs by a seed; waits. `change` may change the job.
  TestAnswer Ask(const std::string& name, uint32_t input_seed,
                 const std::function<void(Job&)>& change = nullptr);
  TestAnswer AskModel(std::shared_ptr<Model> model, uint32_t input_seed,
                      const std::function<void(Job&)>& change = nullptr);

  // One request, nobody waits: its answer appends `name`, or the code's name
  // if it is an error, to `order` (executor thread).
  absl::Status Submit(const std::string& name, std::vector<std::string>* order,
                      const std::function<void(Job&)>& change = nullptr);

  // Called with 0, 1, ... before each part computes, on the executor thread.
  // Counts anew with each call.
  void OnPart(std::function<void(size_t part)> hook);
  size_t parts_run() const;

  // Of the simulated drive, also after a change of models.
  void AddFault(const SimFault& fault) { faults_->push_back(fault); }

 private:
  struct Hooks;

  void Start(const EngineOptions& options, IoEngineOpener open_drive,
             std::unique_ptr<Backend> backend);

  std::shared_ptr<Hooks> hooks_;
  std::shared_ptr<std::vector<SimFault>> faults_;
  ManualClock* clock_ = nullptr;
  std::unique_ptr<LocalEngine> engine_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_TEST_ENGINE_H_
