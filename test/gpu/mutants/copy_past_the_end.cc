// Behind the room the drive may be writing, or another part reading.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "copy_past_the_end",
    .fault = "a copy reads and writes a page too much",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsWeightCopy(call)) call.bytes += 4096;
          });
        },
});

}  // namespace
}  // namespace layerd
