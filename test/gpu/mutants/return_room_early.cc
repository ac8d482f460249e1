// The drive writes into a room that is being copied.
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
    .name = "return_room_early",
    .fault = "rooms go back when their part is enqueued",
    .backend = [](std::unique_ptr<Backend> inner) -> std::unique_ptr<Backend> {
      return std::make_unique<Hasty>(std::move(inner));
    },
});

}  // namespace
}  // namespace layerd
