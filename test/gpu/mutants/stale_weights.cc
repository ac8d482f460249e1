// The ring holds others by now.
#include <set>

#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

class Forgetful final : public BrokenBackend {
 public:
  using BrokenBackend::BrokenBackend;
  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override {
    PartMemory told = memory;
    told.weights_are_new = seen_.insert(&kernel).second;
    return inner_->Enqueue(kernel, told);
  }

 private:
  std::set<const Kernel*> seen_;
};

const MutantRegistration registration({
    .name = "stale_weights",
    .fault = "weights that went through the ring count as still there",
    .backend = [](std::unique_ptr<Backend> inner) -> std::unique_ptr<Backend> {
      return std::make_unique<Forgetful>(std::move(inner));
    },
});

}  // namespace
}  // namespace layerd
