// Two who work at the same time have one room for notes.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "share_workspace",
    .fault = "the copy stream uses the workspace of the compute stream",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call) && call.bytes > 0) {
              cudaMemsetAsync(call.pointers[5], 0, call.bytes, kCopies);
            }
          });
        },
});

}  // namespace
}  // namespace layerd
