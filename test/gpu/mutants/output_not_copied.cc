// The answer to the request before.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "output_not_copied",
    .fault = "outputs stay on the device",
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (IsOtherCopy(call)) call.drop = ++count % 2 == 0;
          });
        },
});

}  // namespace
}  // namespace layerd
