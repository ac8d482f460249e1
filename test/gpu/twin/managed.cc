// Managed memory: who may touch it is what it is attached to.
#include "absl/strings/str_cat.h"
#include "test/gpu/twin/machine.h"

namespace layerd::twin {

void Machine::AttachManaged(void* memory, size_t bytes, cudaStream_t stream,
                            bool to_host) {
  const auto found = memory_.find(static_cast<std::byte*>(memory));
  if (found == memory_.end() || found->second.kind != Kind::kManaged) {
    Alarm("something is attached that is no managed allocation");
    return;
  }
  Allocation& allocation = found->second;
  if (bytes != 0 && bytes != allocation.bytes) {
    Alarm("a piece of a managed allocation is attached");
    return;
  }
  // As a write: nobody may touch it before and after without order.
  allocation.attached_to = stream;
  Enqueue(stream, to_host ? "the return to the host" : "the attachment",
          {{memory, allocation.bytes, true}}, [] {});
  if (to_host) allocation.attached_to = nullptr;
}

void Machine::CheckAttached(const Touch& touch, cudaStream_t by,
                            const std::string& name) {
  const Allocation* const found = Find(touch.begin, touch.bytes);
  if (found == nullptr || found->kind != Kind::kManaged) return;
  if (found->attached_to == by) return;
  Alarm(absl::StrCat(
      name, " touches managed memory that is ",
      found->attached_to == nullptr ? "the host's" : "another stream's"));
}

}  // namespace layerd::twin
