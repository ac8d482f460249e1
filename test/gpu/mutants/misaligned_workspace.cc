// Vector loads fault, on some devices.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "misaligned_workspace",
    .fault = "the workspace is off by 8 bytes",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) {
              call.pointers[5] = Shifted(call.pointers[5], 8);
            }
          });
        },
});

}  // namespace
}  // namespace layerd
