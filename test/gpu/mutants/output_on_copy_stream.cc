// It does not wait for the last part.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "output_on_copy_stream",
    .fault = "outputs are copied on the copy stream",
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (IsOtherCopy(call) && ++count % 2 == 0) call.stream = kCopies;
          });
        },
});

}  // namespace
}  // namespace layerd
