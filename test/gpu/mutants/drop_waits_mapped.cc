// The reply is read while it is computed.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "drop_waits_mapped",
    .fault = "waits for events return at once, without a copy",
    .memory = CudaMemory::kMapped,
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaEventSynchronize" ||
                call.name == "cudaEventQuery") {
              call.drop = true;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
