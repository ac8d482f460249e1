// The room of the part that is computed.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "copy_into_used_room",
    .fault = "weights are copied over those of the part before",
    .hook =
        [] {
          return twin::Hook(
              [last = static_cast<void*>(nullptr)](twin::Call& call) mutable {
                if (!IsWeightCopy(call)) return;
                std::swap(last, call.pointers[0]);
                if (call.pointers[0] == nullptr) call.pointers[0] = last;
              });
        },
});

}  // namespace
}  // namespace layerd
