#include "daemon/plan/machine.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("What was probed is read back") {
  Machine probed = Machine::OfClass("avx512_core", 4);
  probed.processor = "A processor";
  probed.drive_bytes_per_s = 5.25e9;
  probed.drive = {{.read_bytes = 1 << 20, .depth = 4, .mib_s = 5000.5}};
  const auto read = Machine::Parse(probed.ToJson());
  REQUIRE(read.ok());
  CHECK(read->processor == "A processor");
  CHECK(read->cores == 4);
  CHECK(read->drive_bytes_per_s == Approx(5.25e9));
  CHECK(read->first_read_seconds == Approx(probed.first_read_seconds));
  REQUIRE(read->drive.size() == 1);
  CHECK(read->drive[0].read_bytes == 1 << 20);
  CHECK(read->drive[0].mib_s == Approx(5000.5));
}

TEST_CASE("A GPU's rates are those that were probed, or guessed") {
  const Machine processor = Machine::OfClass("avx2", 2);
  CHECK(processor.copy_bytes_per_s == 0);
  CHECK(processor.parts_open_max == 1);
  CHECK(processor.WithDevice(true).parts_open_max == 2);
  CHECK(processor.WithDevice(true).copy_bytes_per_s == 3e9);
  CHECK(processor.WithDevice(false).copy_bytes_per_s == 0);
  CHECK(processor.WithDevice(false).launch_seconds == Approx(10e-6));
  CHECK(processor.DeviceBaseBytes() == 512 << 20);
  Machine probed = processor;
  probed.device_copy_bytes_per_s = 12e9;
  probed.device_launch_seconds = 4e-6;
  probed.device_base_bytes = 300 << 20;
  const auto read = Machine::Parse(probed.ToJson());
  REQUIRE(read.ok());
  CHECK(read->copy_bytes_per_s == 0);  // Of who computes on the processor.
  CHECK(read->WithDevice(true).copy_bytes_per_s == Approx(12e9));
  CHECK(read->WithDevice(true).launch_seconds == Approx(4e-6));
  CHECK(read->DeviceBaseBytes() == 300 << 20);
  probed.device_launch_seconds = -1;
  CHECK(!Machine::Parse(probed.ToJson()).ok());
}

TEST_CASE("A machine without a rate is refused by the name of the field") {
  Machine machine = Machine::OfClass("avx2", 2);
  machine.drive_bytes_per_s = 0;
  const auto read = Machine::Parse(machine.ToJson());
  REQUIRE(!read.ok());
  CHECK_THAT(std::string(read.status().message()),
             Catch::Contains("drive_bytes_per_s"));
  CHECK(!Machine::Parse("{}").ok());
  CHECK(!Machine::Parse("no JSON").ok());
  CHECK(!Machine::Parse("").ok());
}

TEST_CASE("A machine of which nothing can be reckoned is refused") {
  for (const double rate : {1e-300, 1e300}) {
    Machine machine = Machine::OfClass("avx2", 2);
    machine.drive_bytes_per_s = rate;
    CHECK(!Machine::Parse(machine.ToJson()).ok());
  }
  Machine machine = Machine::OfClass("avx2", 2);
  machine.first_read_seconds = 1e100;
  CHECK(!Machine::Parse(machine.ToJson()).ok());
}

TEST_CASE("Fields of a newer version are skipped") {
  std::string json = Machine::OfClass("avx2", 2).ToJson();
  json.insert(json.find('{') + 1, "\"later\": 7,");
  CHECK(Machine::Parse(json).ok());
}

TEST_CASE("A class with wider vectors is no slower") {
  CHECK(Machine::OfClass("avx512_core", 1).flops_per_s >
        Machine::OfClass("avx2", 1).flops_per_s);
  CHECK(Machine::OfClass("avx2", 1).flops_per_s >
        Machine::OfClass("any", 1).flops_per_s);
}

}  // namespace
}  // namespace layerd
