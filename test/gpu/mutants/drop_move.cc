// What is in scratch is of another part.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "drop_move",
    .fault = "every third move to scratch is left out",
    .half = true,
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (call.name == "Move") call.drop = ++count % 3 == 0;
          });
        },
});

}  // namespace
}  // namespace layerd
