// Nothing waits for it there.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "input_on_copy_stream",
    .fault = "inputs are copied on the copy stream",
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (IsOtherCopy(call) && ++count % 2 == 1) call.stream = kCopies;
          });
        },
});

}  // namespace
}  // namespace layerd
