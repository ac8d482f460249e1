// The event stands where no copy is.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "record_on_wrong_stream",
    .fault = "the copy event is recorded on the compute stream",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudaEventRecord" && call.stream == kCopies) {
              call.stream = kCompute;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
