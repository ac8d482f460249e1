#ifndef LAYERD_TEST_SIM_SIM_BACKEND_H_
#define LAYERD_TEST_SIM_SIM_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace layerd {

// A device that does all that devices do, by a seed: it computes at the latest
// moment, completes several tickets at once or keeps the caller asking, and
// works in the order in which it was fed. `inner` does the mathematics.
//
// Who breaks the promises of backend.h is found out: the part that a kernel
// will write holds rubbish until it completes, and weights that change between
// Enqueue() and completion, or an output that somebody else writes meanwhile,
// fail the ticket with INTERNAL and count as misuse.
//
// Deterministic: the same seed and the same calls, the same completions.
// Threading: as Backend.
class SimBackend final : public Backend {
 public:
  SimBackend(std::unique_ptr<Backend> inner, uint32_t seed);
  ~SimBackend() override;

  KernelKey key() const override { return inner_->key(); }
  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    return inner_->WeightLayouts(spec);
  }
  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override;
  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override;
  bool Completed(Ticket ticket) override;
  absl::Status Wait(Ticket ticket) override;

  // The `count`-th ticket from now on fails with `status`, as a device's does.
  void FailTicket(uint64_t count, absl::Status status);

  size_t tickets_open() const { return jobs_.size(); }
  size_t tickets_open_most() const { return tickets_open_most_; }
  size_t misuses() const { return misuses_; }

 private:
  struct Job;

  void Begin(Job& job);
  void CompleteOldest();
  absl::Status Compute(Job& job);

  const std::unique_ptr<Backend> inner_;
  std::mt19937 random_;
  std::deque<std::unique_ptr<Job>> jobs_;  // Oldest first.
  uint64_t last_ticket_ = 0;
  uint64_t failing_ticket_ = 0;
  absl::Status failure_;
  absl::Status first_error_;
  size_t tickets_open_most_ = 0;
  size_t misuses_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_SIM_BACKEND_H_
