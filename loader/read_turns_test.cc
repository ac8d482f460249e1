#include "loader/read_turns.h"

#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

struct FakeSlot {
  int level() const { return of_level; }
  bool low() const { return of_level > 1; }
  uint64_t tile_bytes() const { return 4096; }

  int of_level = 1;
  uint64_t start_number = 0;
  uint64_t bytes_in_flight = 0;
  bool has_room = false;
};

// The executor returns room at any moment, also between two questions of the
// loader. Who then takes it for a sign of reading would sleep with nothing in
// flight, and nobody would wake him.
TEST_CASE("Room that comes back after a read found none is read into at once") {
  FakeSlot slot;
  std::vector<FakeSlot*> slots = {&slot};

  GiveReadTurns(
      std::span<FakeSlot* const>(slots), 1 << 20, 1 << 20,
      [](FakeSlot* s, uint64_t) -> uint64_t {
        if (!s->has_room || s->bytes_in_flight > 0) return 0;
        return s->bytes_in_flight = 4096;
      },
      [](FakeSlot* s) { return s->has_room = true; });

  CHECK(slot.bytes_in_flight == 4096);
}

TEST_CASE("Nothing is read ahead while a job that is on has more to read") {
  struct Row {
    const char* name;
    std::vector<int> levels;  // All but the first have room.
    bool reads;               // The second.
  };
  const auto row = GENERATE(values<Row>({
      {"a less urgent job reads meanwhile", {1, 4}, true},
      {"a job that is expected does not", {4, kLevelsMax + 1}, false},
      {"but beside others of its kind", {kLevelsMax + 1, kLevelsMax + 2}, true},
  }));
  INFO(row.name);
  std::vector<FakeSlot> slots(2);
  std::vector<FakeSlot*> ordered = {&slots[0], &slots[1]};
  for (size_t i = 0; i < 2; ++i) slots[i].of_level = row.levels[i];
  slots[1].has_room = true;

  GiveReadTurns(
      std::span<FakeSlot* const>(ordered), 4096, 4096,
      [](FakeSlot* s, uint64_t) -> uint64_t {
        return s->has_room ? s->bytes_in_flight = 4096 : 0;
      },
      [](FakeSlot* s) { return s->has_room; });

  CHECK(slots[0].bytes_in_flight == 0);
  CHECK((slots[1].bytes_in_flight > 0) == row.reads);
}

}  // namespace
}  // namespace layerd
