// The host writes before the memory is its own.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "return_not_awaited",
    .fault = "nobody waits until a managed slot is the host's",
    .memory = CudaMemory::kManaged,
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaStreamSynchronize" &&
                call.stream == kCopies) {
              call.drop = true;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
