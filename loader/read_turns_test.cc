#include "loader/read_turns.h"

#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

struct FakeSlot {
  int level() const { return 1; }
  bool low() const { return false; }
  uint64_t tile_bytes() const { return 4096; }

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

}  // namespace
}  // namespace layerd
