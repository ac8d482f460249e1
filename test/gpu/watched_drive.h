#ifndef LAYERD_TEST_GPU_WATCHED_DRIVE_H_
#define LAYERD_TEST_GPU_WATCHED_DRIVE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "daemon/engine/local_engine.h"
#include "test/sim/sim_io_engine.h"

namespace layerd {

// The simulated drive, under the eyes of the twin: what it reads into memory
// is a write of the host that lasts from submission to completion.
class WatchedDrive final : public IoEngine {
 public:
  // Faults of the drive that is open, and of those opened later.
  class Faults {
   public:
    void Add(const SimFault& fault);

   private:
    friend class WatchedDrive;
    std::mutex mutex_;
    std::vector<SimFault> faults_;
    SimIoEngine* open_ = nullptr;
  };

  static IoEngineOpener Opener(uint32_t seed, std::shared_ptr<Faults> faults);

  WatchedDrive(uint32_t seed, std::shared_ptr<Faults> faults);
  ~WatchedDrive() override;

  absl::Status RegisterMemory(std::span<std::byte> memory) override {
    return inner_.RegisterMemory(memory);
  }
  size_t depth() const override { return inner_.depth(); }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override { inner_.Wake(); }

 private:
  SimIoEngine inner_;
  std::shared_ptr<Faults> faults_;
  std::map<uint64_t, std::span<std::byte>> in_flight_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_WATCHED_DRIVE_H_
