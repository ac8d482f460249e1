#ifndef LAYERD_TEST_SIM_FORWARDING_BACKEND_H_
#define LAYERD_TEST_SIM_FORWARDING_BACKEND_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/backend.h"

namespace layerd {

// A backend that is another one, but for what is overridden.
class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(std::unique_ptr<Backend> inner)
      : inner_(std::move(inner)) {}

  KernelKey key() const override { return inner_->key(); }
  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    return inner_->WeightLayouts(spec);
  }
  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override {
    return inner_->Prepare(spec);
  }
  absl::Status Attach(std::span<std::byte> memory) override {
    return inner_->Attach(memory);
  }
  void Detach() override { inner_->Detach(); }
  bool shares_memory() const override { return inner_->shares_memory(); }
  absl::Status CopyIn(std::byte* to, std::span<const std::byte> from) override {
    return inner_->CopyIn(to, from);
  }
  absl::Status CopyOut(std::span<std::byte> to,
                       const std::byte* from) override {
    return inner_->CopyOut(to, from);
  }
  int helpers() const override { return inner_->helpers(); }
  void Help(int helper, bool own_cpus) override {
    inner_->Help(helper, own_cpus);
  }
  void StopHelping() override { inner_->StopHelping(); }
  void OnLibraryThreads(const std::function<void(int)>& body) override {
    inner_->OnLibraryThreads(body);
  }
  absl::Status BringWeights(Kernel& kernel, const PartMemory& memory) override {
    return inner_->BringWeights(kernel, memory);
  }
  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override {
    return inner_->Enqueue(kernel, memory);
  }
  bool Completed(Ticket ticket) override { return inner_->Completed(ticket); }
  absl::Status Wait(Ticket ticket) override { return inner_->Wait(ticket); }

 protected:
  const std::unique_ptr<Backend> inner_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_FORWARDING_BACKEND_H_
