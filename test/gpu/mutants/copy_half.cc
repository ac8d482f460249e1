// The rest is what lay there before.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "copy_half",
    .fault = "only half of the weights are copied",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsWeightCopy(call)) call.bytes /= 2;
          });
        },
});

}  // namespace
}  // namespace layerd
