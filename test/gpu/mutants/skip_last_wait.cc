// The reply is sent before it is there.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "skip_last_wait",
    .fault = "the copy of the output is not waited for",
    .hook =
        [] {
          return twin::Hook([calls = 0](twin::Call& call) mutable {
            // Copy, record, wait, one after the other: only outputs.
            calls = IsOtherCopy(call)                                   ? 1
                    : calls == 1 && call.name == "cudaEventRecord"      ? 2
                    : calls == 2 && call.name == "cudaEventSynchronize" ? 3
                                                                        : 0;
            call.drop = calls == 3;
          });
        },
});

}  // namespace
}  // namespace layerd
