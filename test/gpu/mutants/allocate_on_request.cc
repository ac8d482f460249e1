// It waits for the device, and may fail.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "allocate_on_request",
    .fault = "each convolution allocates its workspace",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (!IsConvolution(call)) return;
            void* workspace = nullptr;
            cudaMalloc(&workspace, 4096);
            cudaFree(workspace);
          });
        },
});

}  // namespace
}  // namespace layerd
