// The host writes managed memory that a stream has.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "never_returned",
    .fault = "managed slots do not come back to the host",
    .memory = CudaMemory::kManaged,
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaStreamAttachMemAsync" &&
                call.stream == kCopies) {
              call.drop = true;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
