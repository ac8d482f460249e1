// The event says that the copy is over before it begins.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "record_before_copy",
    .fault = "the event is recorded before the copy",
    .hook =
        [] {
          return twin::Hook([late = twin::Call{}, pending = false,
                             replaying = false](twin::Call& call) mutable {
            if (replaying) return;
            if (IsWeightCopy(call)) {
              late = call;
              pending = true;
              call.drop = true;
            } else if (pending && call.name == "cudaStreamWaitEvent") {
              pending = false;
              replaying = true;
              cudaMemcpyAsync(late.pointers[0], late.pointers[1], late.bytes,
                              cudaMemcpyHostToDevice, late.stream);
              replaying = false;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
