// Now and then a room goes back too early.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "drop_every_second_wait",
    .fault = "every second wait for an event returns at once",
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (call.name == "cudaEventSynchronize")
              call.drop = ++count % 2 == 0;
          });
        },
});

}  // namespace
}  // namespace layerd
