// It runs beside what it depends on.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "kernel_on_wrong_stream",
    .fault = "convolutions are queued on the copy stream",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) call.stream = kCopies;
          });
        },
});

}  // namespace
}  // namespace layerd
