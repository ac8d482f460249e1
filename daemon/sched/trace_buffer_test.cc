#include "daemon/sched/trace_buffer.h"

#include <memory>
#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::nanoseconds;

TraceEvent EventOf(uint32_t number) {
  return {.kind = TraceKind::kRead,
          .level = 3,
          .job = number ^ 0xffffffffu,
          .number = number,
          .begin = nanoseconds(number * 1000),
          .duration = nanoseconds(number),
          .model = reinterpret_cast<const Model*>(uintptr_t{number} * 16)};
}

bool IsWhole(const TraceEvent& event) {
  const TraceEvent expected = EventOf(event.number);
  return event.kind == expected.kind && event.level == expected.level &&
         event.job == expected.job && event.begin == expected.begin &&
         event.duration == expected.duration && event.model == expected.model;
}

TEST_CASE("The last events are kept, the oldest first") {
  auto trace = std::make_unique<TraceBuffer>();
  CHECK(trace->Events().empty());
  constexpr uint32_t kMore = 100;
  for (uint32_t n = 0; n < TraceBuffer::kEvents + kMore; ++n) {
    trace->Add(EventOf(n));
  }
  const std::vector<TraceEvent> events = trace->Events();
  REQUIRE(events.size() == TraceBuffer::kEvents);
  bool right = true;
  for (uint32_t i = 0; i < events.size(); ++i) {
    right = right && events[i].number == kMore + i && IsWhole(events[i]);
  }
  CHECK(right);
}

TEST_CASE("A request is kept while parts come and go") {
  auto trace = std::make_unique<TraceBuffer>();
  trace->Add({.kind = TraceKind::kJob, .job = 7});
  for (uint32_t n = 1; n <= TraceBuffer::kEvents; ++n) trace->Add(EventOf(n));
  const std::vector<TraceEvent> events = trace->Events();
  REQUIRE(events.size() == TraceBuffer::kEvents + 1);
  CHECK(events.front().kind == TraceKind::kJob);
  CHECK(events.front().job == 7);
}

TEST_CASE("What was slow is kept while other parts come and go") {
  auto trace = std::make_unique<TraceBuffer>();
  trace->Add(
      {.kind = TraceKind::kPart, .job = 7, .duration = TraceBuffer::kSlow});
  for (uint32_t n = 1; n <= TraceBuffer::kEvents; ++n) trace->Add(EventOf(n));
  const std::vector<TraceEvent> events = trace->Events();
  REQUIRE(events.size() == TraceBuffer::kEvents + 1);
  CHECK(events.front().job == 7);
}

TEST_CASE("Who reads while others write sees whole events only") {
  auto trace = std::make_unique<TraceBuffer>();
  std::atomic<bool> over{false};
  std::thread writers[2];
  for (std::thread& writer : writers) {
    writer = std::thread([&] {
      for (uint32_t n = 0; !over.load(); ++n) trace->Add(EventOf(n));
    });
  }
  bool whole = true;
  for (int look = 0; look < 200; ++look) {
    for (const TraceEvent& event : trace->Events()) {
      whole = whole && IsWhole(event);
    }
  }
  over.store(true);
  for (std::thread& writer : writers) writer.join();
  CHECK(whole);
}

}  // namespace
}  // namespace layerd
