// The event still tells of an older ticket.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "forget_to_record",
    .fault = "every third ticket has no event of its own",
    .hook =
        [] {
          return twin::Hook([count = 0](twin::Call& call) mutable {
            if (call.name == "cudaEventRecord" && call.stream == kCompute) {
              call.drop = ++count % 3 == 0;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
