#include "test/gpu/twin/machine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"

namespace layerd::twin {
namespace {

constexpr size_t kAlignment = 256;  // What cudaMalloc() promises.
constexpr size_t kGuardBytes = 1024;
constexpr std::byte kGuard{0xa7};
constexpr std::byte kPoison{0xff};  // A NaN in every floating type.
constexpr size_t kAlarmsMax = 20;

// Outlives whoever has asked for it, also at exit.
std::unique_ptr<Machine>& TheMachine() {
  static std::unique_ptr<Machine> machine;
  return machine;
}
Hook the_hook;

bool Overlap(const Touch& touch, const std::byte* begin, const std::byte* end) {
  const auto* from = static_cast<const std::byte*>(touch.begin);
  return from < end && begin < from + touch.bytes;
}

}  // namespace

Machine& Machine::Get() {
  if (!TheMachine()) Replace({});
  return *TheMachine();
}

void Machine::Replace(const Options& options) {
  TheMachine().reset(new Machine(options));
  the_hook = nullptr;
}

void SetGlobalHook(Hook hook) { the_hook = std::move(hook); }

Machine::Machine(const Options& options)
    : options_(options),
      random_(options.seed),
      laziness_(static_cast<int>(options.seed % 3)) {}

void Machine::Alarm(std::string text) {
  if (alarms_.size() < kAlarmsMax) alarms_.push_back(std::move(text));
}

bool Machine::Admit(Call& call) {
  if (the_hook) the_hook(call);
  RunSome();
  return !call.drop;
}

uint64_t Machine::Fate(uint64_t question) const {
  uint64_t x = question * 0x9e3779b97f4a7c15u + options_.library_seed;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Memory.

void* Machine::Allocate(size_t bytes, Kind kind) {
  ++counters_.allocations;
  Allocation allocation;
  allocation.bytes = bytes;
  allocation.kind = kind;
  allocation.mapped = kind == Kind::kPageLocked;
  const size_t all = bytes + 2 * kGuardBytes + kAlignment;
  allocation.raw = std::make_unique<std::byte[]>(all);
  std::fill_n(allocation.raw.get(), all, kGuard);
  const auto address = reinterpret_cast<uintptr_t>(allocation.raw.get());
  // Aligned to what is promised and to no more: an odd multiple.
  uintptr_t begin = (address + kGuardBytes) / kAlignment * kAlignment;
  begin += begin % (2 * kAlignment) == 0 ? kAlignment : 0;
  allocation.begin = reinterpret_cast<std::byte*>(begin);
  std::fill_n(allocation.begin, bytes, kPoison);
  void* const result = allocation.begin;
  if (kind == Kind::kDevice) {
    counters_.device_bytes += bytes;
    counters_.device_bytes_most =
        std::max(counters_.device_bytes_most, counters_.device_bytes);
  }
  memory_[allocation.begin] = std::move(allocation);
  return result;
}

bool Machine::Free(void* memory, Kind kind) {
  ++counters_.allocations;
  const auto found = memory_.find(static_cast<std::byte*>(memory));
  if (found == memory_.end()) return false;
  const bool managed = found->second.kind == Kind::kManaged;
  if (found->second.kind != kind && !(managed && kind == Kind::kDevice)) {
    return false;
  }
  // cudaFree() and cudaFreeHost() wait for the device.
  SynchronizeAll();
  CheckGuards(found->second);
  if (kind == Kind::kDevice) counters_.device_bytes -= found->second.bytes;
  memory_.erase(found);
  return true;
}

bool Machine::Register(void* memory, size_t bytes, bool mapped) {
  ++counters_.allocations;
  auto* const begin = static_cast<std::byte*>(memory);
  for (const auto& [at, allocation] : memory_) {
    if (at < begin + bytes && begin < at + allocation.bytes) return false;
  }
  Allocation allocation;
  allocation.bytes = bytes;
  allocation.kind = Kind::kRegistered;
  allocation.mapped = mapped;
  allocation.begin = begin;
  memory_[begin] = std::move(allocation);
  return true;
}

bool Machine::Unregister(void* memory) {
  ++counters_.allocations;
  const auto found = memory_.find(static_cast<std::byte*>(memory));
  if (found == memory_.end() || found->second.kind != Kind::kRegistered) {
    return false;
  }
  const Touch all{memory, found->second.bytes, true};
  HostTouches(all, "cudaHostUnregister");
  SynchronizeAll();
  memory_.erase(found);
  return true;
}

const Machine::Allocation* Machine::Find(const void* begin,
                                         size_t bytes) const {
  const auto* const at = static_cast<const std::byte*>(begin);
  auto next = memory_.upper_bound(at);
  if (next == memory_.begin()) return nullptr;
  const Allocation& allocation = std::prev(next)->second;
  return at + bytes <= allocation.begin + allocation.bytes ? &allocation
                                                           : nullptr;
}

bool Machine::IsDeviceVisible(const void* begin, size_t bytes) const {
  const Allocation* const found = Find(begin, bytes);
  return found != nullptr && (found->kind == Kind::kDevice ||
                              found->kind == Kind::kManaged || found->mapped);
}

bool Machine::IsPageLocked(const void* begin, size_t bytes) const {
  const Allocation* const found = Find(begin, bytes);
  return found != nullptr &&
         (found->kind == Kind::kPageLocked || found->kind == Kind::kRegistered);
}

bool Machine::IsMapped(const void* begin) const {
  const Allocation* const found = Find(begin, 1);
  return found != nullptr && found->mapped;
}

void Machine::CheckGuards(const Allocation& allocation) {
  if (!allocation.raw) return;
  const auto holds = [](std::byte byte) { return byte == kGuard; };
  const std::byte* const end = allocation.begin + allocation.bytes;
  if (!std::all_of(allocation.begin - kGuardBytes / 2, allocation.begin,
                   holds) ||
      !std::all_of(end, end + kGuardBytes / 2, holds)) {
    Alarm(absl::StrFormat("bytes around an allocation of %d were written",
                          allocation.bytes));
  }
}

void Machine::CheckGuards() {
  for (const auto& [begin, allocation] : memory_) CheckGuards(allocation);
}

// Streams and events. A handle is the number of the stream, plus one.

cudaStream_t Machine::CreateStream() {
  streams_.emplace_back();
  return reinterpret_cast<cudaStream_t>(streams_.size());
}

bool Machine::IsStream(cudaStream_t stream) const {
  const auto number = reinterpret_cast<uintptr_t>(stream);
  return number >= 1 && number <= streams_.size() && streams_[number - 1].alive;
}

Machine::Stream& Machine::Of(cudaStream_t stream) {
  if (!IsStream(stream)) {
    Alarm("the legacy stream, or one that is gone");
    LAYERD_CHECK(!streams_.empty());
    return streams_[0];
  }
  return streams_[reinterpret_cast<uintptr_t>(stream) - 1];
}

Machine::Event& Machine::Of(cudaEvent_t event) {
  const auto found = events_.find(event);
  LAYERD_CHECK(found != events_.end(), "twin: this event does not exist");
  return found->second;
}

void Machine::DestroyStream(cudaStream_t stream) {
  Synchronize(stream);
  Of(stream).alive = false;
}

cudaEvent_t Machine::CreateEvent() {
  const auto event = reinterpret_cast<cudaEvent_t>(next_event_++);
  events_[event] = {};
  return event;
}

void Machine::DestroyEvent(cudaEvent_t event) {
  Of(event);
  events_.erase(event);
}

void Machine::Join(Clock& clock, const Clock& other) {
  if (clock.size() < other.size()) clock.resize(other.size(), 0);
  for (size_t i = 0; i < other.size(); ++i) {
    clock[i] = std::max(clock[i], other[i]);
  }
}

double MillisecondsOf(const std::vector<Touch>& touches) {
  constexpr double kBytesPerMs = 1e7, kLaunchMs = 0.01;
  if (touches.empty()) return 0;
  size_t bytes = 0;
  for (const Touch& touch : touches) bytes += touch.bytes;
  return kLaunchMs + static_cast<double>(bytes) / kBytesPerMs;
}

double Machine::MillisecondsBetween(cudaEvent_t begin, cudaEvent_t end) {
  return Of(end).at_ms - Of(begin).at_ms;
}

void Machine::Enqueue(cudaStream_t handle, const std::string& name,
                      const std::vector<Touch>& touches,
                      std::function<void()> run) {
  Stream& stream = Of(handle);
  const size_t self =
      IsStream(handle) ? reinterpret_cast<uintptr_t>(handle) - 1 : 0;
  Join(stream.knows, host_);
  if (stream.knows.size() <= self) stream.knows.resize(self + 1, 0);
  for (const Touch& touch : touches) {
    if (touch.bytes == 0) continue;
    CheckAttached(touch, handle, name);
    Check(touch, stream.knows, self, name);
  }
  stream.knows[self] = ++stream.queued;
  for (const Touch& touch : touches) {
    if (touch.bytes == 0) continue;
    const auto* const begin = static_cast<const std::byte*>(touch.begin);
    accesses_.push_back({begin,
                         begin + touch.bytes,
                         touch.writes,
                         {self, stream.queued},
                         name});
  }
  stream.queue.push_back({std::move(run), {}});
  stream.free_at_ms =
      std::max(stream.free_at_ms, host_ms_) + MillisecondsOf(touches);
}

void Machine::Record(cudaEvent_t event, cudaStream_t handle) {
  Enqueue(handle, "event", {}, [] {});
  const Stream& stream = Of(handle);
  Of(event) = {{reinterpret_cast<uintptr_t>(handle) - 1, stream.queued},
               stream.knows,
               stream.free_at_ms};
}

void Machine::WaitFor(cudaStream_t handle, cudaEvent_t event) {
  Enqueue(handle, "wait", {}, [] {});
  const Event& awaited = Of(event);
  Stream& stream = Of(handle);
  stream.queue.back().waits.push_back(awaited.at);
  Join(stream.knows, awaited.knows);
  stream.free_at_ms = std::max(stream.free_at_ms, awaited.at_ms);
}

bool Machine::IsDone(cudaEvent_t event) {
  const Event& asked = Of(event);
  if (!HasHappened(asked.at)) return false;
  Join(host_, asked.knows);
  ForgetOrdered();
  return true;
}

void Machine::Synchronize(cudaEvent_t event) {
  const Event awaited = Of(event);
  RunUntil(awaited.at);
  Join(host_, awaited.knows);
  host_ms_ = std::max(host_ms_, awaited.at_ms);
  ForgetOrdered();
}

void Machine::Synchronize(cudaStream_t handle) {
  const Stream& stream = Of(handle);
  RunUntil({reinterpret_cast<uintptr_t>(handle) - 1, stream.queued});
  Join(host_, stream.knows);
  host_ms_ = std::max(host_ms_, stream.free_at_ms);
  ForgetOrdered();
}

void Machine::SynchronizeAll() {
  ++counters_.device_waits;
  for (size_t i = 0; i < streams_.size(); ++i) {
    RunUntil({i, streams_[i].queued});
    Join(host_, streams_[i].knows);
  }
  ForgetOrdered();
}

// What runs when.

std::vector<size_t> Machine::Ready() const {
  std::vector<size_t> ready;
  for (size_t i = 0; i < streams_.size(); ++i) {
    const Stream& stream = streams_[i];
    if (stream.queue.empty()) continue;
    const auto& waits = stream.queue.front().waits;
    if (std::all_of(waits.begin(), waits.end(),
                    [&](const Position& at) { return HasHappened(at); })) {
      ready.push_back(i);
    }
  }
  return ready;
}

void Machine::RunOne(size_t stream) {
  Operation operation = std::move(streams_[stream].queue.front());
  streams_[stream].queue.pop_front();
  operation.run();
  ++streams_[stream].executed;
}

void Machine::RunSome() {
  if (laziness_ == 0) return;
  for (uint32_t count = Random() % (laziness_ == 1 ? 2 : 6); count > 0;
       --count) {
    const std::vector<size_t> ready = Ready();
    if (ready.empty()) return;
    RunOne(ready[Random() % ready.size()]);
  }
}

void Machine::RunUntil(const Position& at) {
  while (!HasHappened(at)) {
    const std::vector<size_t> ready = Ready();
    LAYERD_CHECK(!ready.empty(), "twin: streams wait for each other");
    RunOne(ready[Random() % ready.size()]);
  }
}

// The watcher.

void Machine::Check(const Touch& touch, const Clock& knows, size_t self,
                    const std::string& name) {
  for (const Access& other : accesses_) {
    if (!(other.writes || touch.writes) || other.at.stream == self) continue;
    if (!Overlap(touch, other.begin, other.end)) continue;
    if (At(knows, other.at.stream) >= other.at.count) continue;
    Alarm(absl::StrFormat("race: %s %s what %s %s, and nothing orders them",
                          name, touch.writes ? "writes" : "reads", other.name,
                          other.writes ? "writes" : "reads"));
    break;
  }
  for (const Touch& read : drive_) {
    const auto* const begin = static_cast<const std::byte*>(read.begin);
    if (!Overlap(touch, begin, begin + read.bytes)) continue;
    Alarm(absl::StrFormat("race: %s touches what the drive is writing", name));
    break;
  }
}

void Machine::ForgetOrdered() {
  accesses_.erase(std::remove_if(accesses_.begin(), accesses_.end(),
                                 [&](const Access& access) {
                                   return At(host_, access.at.stream) >=
                                          access.at.count;
                                 }),
                  accesses_.end());
}

void Machine::HostTouches(const Touch& touch, const std::string& name) {
  RunSome();
  CheckAttached(touch, nullptr, name);
  Check(touch, host_, ~size_t{0}, name);
}

void Machine::DriveBegins(const void* begin, size_t bytes) {
  const Touch touch{begin, bytes, true};
  HostTouches(touch, "the drive");
  drive_.push_back(touch);
}

void Machine::DriveEnds(const void* begin, size_t bytes) {
  const auto found =
      std::find_if(drive_.begin(), drive_.end(), [&](const Touch& read) {
        return read.begin == begin && read.bytes == bytes;
      });
  LAYERD_CHECK(found != drive_.end(), "twin: a read ends that never began");
  drive_.erase(found);
}

// twin.h

void Reset(const Options& options) { Machine::Replace(options); }
void SetHook(Hook hook) { SetGlobalHook(std::move(hook)); }

std::vector<std::string> Alarms() {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  return machine.alarms();
}

std::string FirstAlarm() {
  const std::vector<std::string> alarms = Alarms();
  return alarms.empty() ? "" : alarms[0];
}

void CheckGuards() {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  machine.CheckGuards();
}

void Drain() {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  machine.SynchronizeAll();
}

Counters counters() {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  return machine.counters();
}

void HostWrites(const void* begin, size_t bytes) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  machine.HostTouches({begin, bytes, true}, "the host");
}

void HostReads(const void* begin, size_t bytes) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  machine.HostTouches({begin, bytes, false}, "the host");
}

void DriveBegins(const void* begin, size_t bytes) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  machine.DriveBegins(begin, bytes);
}

void DriveEnds(const void* begin, size_t bytes) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  machine.DriveEnds(begin, bytes);
}

}  // namespace layerd::twin
