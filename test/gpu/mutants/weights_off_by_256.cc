// The second piece of the extent, or the next extent.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "weights_off_by_256",
    .fault = "weights are read 256 bytes too far",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) {
              call.pointers[2] = Shifted(call.pointers[2], 256);
            }
          });
        },
});

}  // namespace
}  // namespace layerd
