// The kernel may read weights that are still on their way.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "drop_copy_wait",
    .fault = "the compute stream does not wait for the copy",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaStreamWaitEvent" && call.stream == kCompute) {
              call.drop = true;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
