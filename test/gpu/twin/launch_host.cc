#include "test/gpu/twin/launch_host.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "test/gpu/twin/machine.h"

namespace layerd::cuda {
namespace {

constexpr int64_t kThreads = 5;  // Odd, so that no dimension divides it.

void RunThreads(const Operands& operands, uint32_t order,
                const std::function<void(const Operands&)>& run) {
  const int64_t threads = std::min(operands.count, kThreads);
  host_element_step = threads;
  for (int64_t i = 0; i < threads; ++i) {
    host_first_element = (i + order) % threads;
    run(operands);
  }
}

}  // namespace

void LaunchOnTwin(const char* name, const Operands& operands,
                  cudaStream_t stream,
                  std::function<void(const Operands&)> run) {
  twin::Machine& machine = twin::Machine::Get();
  const std::lock_guard lock(machine.mutex());
  twin::Call call{.name = name, .stream = stream};
  call.pointers[0] = operands.y.data;
  for (int i = 0; i < kInputsMax; ++i) {
    call.pointers[1 + i] = operands.x[i].data;
  }
  if (!machine.Admit(call)) return;
  Operands given = operands;
  given.y.data = call.pointers[0];
  std::vector<twin::Touch> touches = {
      {given.y.data, static_cast<size_t>(given.y.span_bytes), true}};
  for (int i = 0; i < kInputsMax; ++i) {
    given.x[i].data = call.pointers[1 + i];
    if (given.x[i].data == nullptr) continue;
    touches.push_back(
        {given.x[i].data, static_cast<size_t>(given.x[i].span_bytes), false});
  }
  if (given.fault.data != nullptr) {
    touches.push_back({given.fault.data, sizeof(Fault), true});
  }
  for (const twin::Touch& touch : touches) {
    if (machine.IsDeviceVisible(touch.begin, touch.bytes)) continue;
    machine.Alarm(absl::StrCat(name,
                               " touches memory that is not the "
                               "device's"));
    return;
  }
  ++machine.counters().kernels;
  machine.Enqueue(call.stream, name, touches,
                  [given, order = machine.Random(), run = std::move(run)] {
                    RunThreads(given, order, run);
                  });
}

}  // namespace layerd::cuda
