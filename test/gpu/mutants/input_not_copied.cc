// The answer to the request before.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "input_not_copied",
    .fault = "inputs stay with the host",
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (IsOtherCopy(call)) call.drop = ++count % 2 == 1;
          });
        },
});

}  // namespace
}  // namespace layerd
