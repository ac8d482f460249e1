// Kernels read managed memory that is the host's.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "never_attached",
    .fault = "managed slots are not attached to the stream of kernels",
    .memory = CudaMemory::kManaged,
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaStreamAttachMemAsync" &&
                call.stream == kCompute) {
              call.drop = true;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
