// Where the row before begins.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "wrong_input",
    .fault = "a convolution reads its input 64 bytes too early",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) {
              call.pointers[1] = Shifted(call.pointers[1], -64);
            }
          });
        },
});

}  // namespace
}  // namespace layerd
