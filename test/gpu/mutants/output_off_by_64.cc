// The first channels are somebody else's, the last ones nobody's.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "output_off_by_64",
    .fault = "outputs are written 64 bytes too far",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "Elementwise") {
              call.pointers[0] = Shifted(call.pointers[0], 64);
            }
          });
        },
});

}  // namespace
}  // namespace layerd
