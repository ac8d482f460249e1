// Vector loads fault, on some devices.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "misaligned_input",
    .fault = "the input is off by one element",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) {
              call.pointers[1] = Shifted(call.pointers[1], 4);
            }
          });
        },
});

}  // namespace
}  // namespace layerd
