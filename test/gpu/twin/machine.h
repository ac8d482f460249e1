#ifndef LAYERD_TEST_GPU_TWIN_MACHINE_H_
#define LAYERD_TEST_GPU_TWIN_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "test/gpu/twin/twin.h"

namespace layerd::twin {

// What is known to have happened: a count for each stream.
using Clock = std::vector<uint64_t>;

// Memory that an operation touches.
struct Touch {
  const void* begin = nullptr;
  size_t bytes = 0;
  bool writes = false;
};

// The device: streams that run late and in any order that the rules allow, and
// the watcher of who may touch which bytes when.
//
// Order is judged when an operation is queued, from the calls alone: so a
// missing wait is found in every schedule. Execution is late, by the seed: so
// it also gives wrong numbers in some.
class Machine {
 public:
  static Machine& Get();
  static void Replace(const Options& options);

  std::recursive_mutex& mutex() { return mutex_; }
  const Options& options() const { return options_; }
  Counters& counters() { return counters_; }
  const std::vector<std::string>& alarms() const { return alarms_; }
  void Alarm(std::string text);

  // False if a hook dropped the call. Runs some of what is queued, too.
  bool Admit(Call& call);

  // Memory.
  enum class Kind { kDevice, kPageLocked, kRegistered, kManaged };
  void* Allocate(size_t bytes, Kind kind);
  bool Free(void* memory, Kind kind);
  bool Register(void* memory, size_t bytes, bool mapped);
  bool Unregister(void* memory);
  // Managed memory, as boards without concurrent access have it: the host may
  // touch it while it is attached to the host, and one stream while it is
  // attached to that. A change is an operation on `stream`. managed.cc
  void AttachManaged(void* memory, size_t bytes, cudaStream_t stream,
                     bool to_host);
  // Some allocation that kernels may touch holds all of it.
  bool IsDeviceVisible(const void* begin, size_t bytes) const;
  bool IsPageLocked(const void* begin, size_t bytes) const;
  bool IsMapped(const void* begin) const;
  void CheckGuards();

  // Streams and events.
  cudaStream_t CreateStream();
  void DestroyStream(cudaStream_t stream);
  cudaEvent_t CreateEvent();
  void DestroyEvent(cudaEvent_t event);
  bool IsStream(cudaStream_t stream) const;

  // `run` happens when the stream comes to it. Poisons `workspace` before.
  void Enqueue(cudaStream_t stream, const std::string& name,
               const std::vector<Touch>& touches, std::function<void()> run);
  void Record(cudaEvent_t event, cudaStream_t stream);
  void WaitFor(cudaStream_t stream, cudaEvent_t event);
  bool IsDone(cudaEvent_t event);
  void Synchronize(cudaEvent_t event);
  // From one event to another, on a device that does several things at a time.
  double MillisecondsBetween(cudaEvent_t begin, cudaEvent_t end);
  void Synchronize(cudaStream_t stream);
  void SynchronizeAll();

  // The host. A drive's write lasts.
  void HostTouches(const Touch& touch, const std::string& name);
  void DriveBegins(const void* begin, size_t bytes);
  void DriveEnds(const void* begin, size_t bytes);

  uint32_t Random() { return static_cast<uint32_t>(random_()); }
  // A number that depends on the seed and the question only.
  uint64_t Fate(uint64_t question) const;

 private:
  struct Position {
    size_t stream = 0;
    uint64_t count = 0;
  };
  struct Operation {
    std::function<void()> run;
    std::vector<Position> waits;
  };
  struct Stream {
    std::deque<Operation> queue;
    uint64_t queued = 0, executed = 0;
    Clock knows;
    bool alive = true;
    double free_at_ms = 0;  // When all that is queued would be done.
  };
  struct Event {
    Position at;  // count 0: never recorded.
    Clock knows;
    double at_ms = 0;
  };
  struct Access {
    const std::byte *begin, *end;
    bool writes;
    Position at;
    std::string name;
  };
  struct Allocation {
    size_t bytes = 0;
    Kind kind = Kind::kDevice;
    bool mapped = false;
    cudaStream_t attached_to = nullptr;  // Managed; null: the host.
    std::unique_ptr<std::byte[]> raw;    // With guards; null if registered.
    std::byte* begin = nullptr;
  };

  explicit Machine(const Options& options);

  Stream& Of(cudaStream_t stream);
  Event& Of(cudaEvent_t event);
  bool HasHappened(const Position& at) const {
    return at.count == 0 || streams_[at.stream].executed >= at.count;
  }
  static void Join(Clock& clock, const Clock& other);
  static uint64_t At(const Clock& clock, size_t stream) {
    return stream < clock.size() ? clock[stream] : 0;
  }

  std::vector<size_t> Ready() const;
  void RunOne(size_t stream);
  void RunSome();
  void RunUntil(const Position& at);
  void Check(const Touch& touch, const Clock& knows, size_t self,
             const std::string& name);
  void ForgetOrdered();
  const Allocation* Find(const void* begin, size_t bytes) const;
  void CheckGuards(const Allocation& allocation);
  // Null: the host touches it.
  void CheckAttached(const Touch& touch, cudaStream_t by,
                     const std::string& name);

  std::recursive_mutex mutex_;
  const Options options_;
  Counters counters_;
  std::mt19937 random_;
  int laziness_;  // 0: runs only what it must.
  std::vector<std::string> alarms_;
  std::deque<Stream> streams_;
  std::map<cudaEvent_t, Event> events_;
  uintptr_t next_event_ = 0x1000;
  Clock host_;
  double host_ms_ = 0;
  std::vector<Access> accesses_;  // That the host does not know to be over.
  std::vector<Touch> drive_;      // Reads in flight.
  std::map<const std::byte*, Allocation> memory_;
};

void SetGlobalHook(Hook hook);

}  // namespace layerd::twin

#endif  // LAYERD_TEST_GPU_TWIN_MACHINE_H_
