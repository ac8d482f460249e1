// It waits for all others, and they for it.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "legacy_stream",
    .fault = "convolutions are queued on the legacy stream",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) call.stream = nullptr;
          });
        },
});

}  // namespace
}  // namespace layerd
