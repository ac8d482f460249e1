// A managed slot is taken from a kernel that reads it.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "managed_slot_reused_early",
    .fault = "nobody waits for the last reader of a managed slot",
    .memory = CudaMemory::kManaged,
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaEventSynchronize") call.drop = true;
          });
        },
});

}  // namespace
}  // namespace layerd
