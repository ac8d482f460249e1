// The drive writes into a room that a kernel reads.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

// Says that a ticket is complete as soon as it is asked.
class Hasty final : public BrokenBackend {
 public:
  using BrokenBackend::BrokenBackend;
  bool Completed(Ticket) override { return true; }
  absl::Status Wait(Ticket) override { return absl::OkStatus(); }
};

const MutantRegistration registration({
    .name = "return_room_early_mapped",
    .fault = "rooms go back when their part is enqueued, without a copy",
    .memory = CudaMemory::kMapped,
    .backend = [](std::unique_ptr<Backend> inner) -> std::unique_ptr<Backend> {
      return std::make_unique<Hasty>(std::move(inner));
    },
});

}  // namespace
}  // namespace layerd
