// A drive that fails: what is read again, what ends a job, and in which words.

#include <unistd.h>

#include <map>
#include <random>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "loader/loader.h"
#include "test/catch/catch.h"
#include "test/sim/loader_fixture.h"
#include "test/sim/sim_io_engine.h"

namespace layerd {
namespace {

using Kind = SimFault::Kind;

constexpr uint64_t kTile = 8 << 10;
constexpr uint64_t kExtent = 3 * kTile;  // Extent 4 begins with tile 12.

// Eight extents of three tiles each, read as one through a ring that holds
// five of them.
struct Fixture {
  Fixture() : reads(ReadAll(weights)) {}

  StreamRequest Request() { return {&weights.file(), reads, &ring.ring}; }

  // How many reads came, with the right bytes, before the first error.
  size_t CountGood(WeightStream* stream) {
    for (size_t i = 0; i < reads.size(); ++i) {
      const auto bytes = stream->Wait(i);
      if (!bytes.ok()) return i;
      REQUIRE(Same(*bytes, weights.bytes(reads[i].extent)));
      stream->Release(i);
    }
    return reads.size();
  }

  RandomWeights weights{1, std::vector<uint64_t>(8, kExtent), kTile};
  std::vector<StreamRead> reads;
  RingInSlab ring{5 * kExtent};
};

TEST_CASE("What goes away by itself is read again, and counted") {
  const Kind kind = GENERATE(Kind::kShort, Kind::kError, Kind::kBitFlip);
  const int times = GENERATE(1, 2);
  if (kind == Kind::kBitFlip && times == 2) return;  // That is damage.
  Fixture f;
  SimIoEngine engine(1);
  engine.AddFault({kind, f.weights.offset_bytes(4, kTile + 100), times});
  RunningLoader loader(&engine, {});
  WeightStream stream(f.reads.size());

  loader->Start(&stream, f.Request());
  CHECK(f.CountGood(&stream) == 8);
  loader->Stop(&stream);

  CHECK(loader->stats().retries == static_cast<uint64_t>(times));
  CHECK(loader->stats().read_errors == 0);
  CHECK(loader->stats().checksum_errors == 0);
}

TEST_CASE("A tile that cannot be read ends the job with INTERNAL") {
  Fixture f;
  SimIoEngine engine(1);
  const uint64_t offset = f.weights.offset_bytes(4, kTile);
  engine.AddFault({Kind::kError, offset + 100});
  RunningLoader loader(&engine, {});
  WeightStream stream(f.reads.size());

  loader->Start(&stream, f.Request());
  CHECK(f.CountGood(&stream) == 4);
  for (size_t i = 4; i < 8; ++i) {
    const absl::Status status = stream.Wait(i).status();
    REQUIRE(absl::IsInternal(status));
    CHECK(std::string(status.message()) ==
          absl::StrFormat(
              "tile 13 at offset %d of the file (extent 4): a read "
              "of 8192 bytes failed 3 times: Input/output error; check the "
              "drive, or whether the file was cut off",
              offset));
  }
  loader->Stop(&stream);
  CHECK(loader->stats().read_errors == 1);
  CHECK(f.ring.ring.empty());
}

TEST_CASE("A damaged tile ends the job with DATA_LOSS") {
  Fixture f;
  SimIoEngine engine(1);
  const uint64_t offset = f.weights.offset_bytes(4, kTile);
  engine.AddFault({Kind::kBitFlip, offset + 100});
  RunningLoader loader(&engine, {});
  WeightStream stream(f.reads.size());

  loader->Start(&stream, f.Request());
  CHECK(f.CountGood(&stream) == 4);
  const absl::Status status = stream.Wait(6).status();
  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(
      std::string(status.message()),
      Catch::StartsWith(absl::StrFormat(
          "tile 13 at offset %d of the file (extent 4): crc32c is ", offset)) &&
          Catch::Contains(", expected "));
  loader->Stop(&stream);
  CHECK(loader->stats().checksum_errors == 1);
  CHECK(loader->stats().retries == 1);
}

TEST_CASE("A file that was cut off under us ends the job with INTERNAL") {
  Fixture f;
  SimIoEngine engine(1);
  RunningLoader loader(&engine, {});
  WeightStream stream(f.reads.size());
  const auto end = f.weights.offset_bytes(6, kTile + 4096);
  REQUIRE(truncate(f.weights.path().c_str(), static_cast<off_t>(end)) == 0);

  loader->Start(&stream, f.Request());
  CHECK(f.CountGood(&stream) == 6);
  const absl::Status status = stream.Wait(6).status();
  REQUIRE(absl::IsInternal(status));
  CHECK_THAT(std::string(status.message()),
             Catch::StartsWith("tile 19 at offset ") &&
                 Catch::Contains("(extent 6)") &&
                 Catch::Contains("0 bytes came"));
  loader->Stop(&stream);
}

TEST_CASE("A failed job leaves loader and ring to the next") {
  Fixture f;
  SimIoEngine engine(1);
  engine.AddFault({Kind::kError, f.weights.offset_bytes(0), 3});
  RunningLoader loader(&engine, {});
  WeightStream stream(f.reads.size());

  loader->Start(&stream, f.Request());
  CHECK(absl::IsInternal(stream.Wait(0).status()));
  loader->Stop(&stream);
  loader->Start(&stream, f.Request());
  CHECK(f.CountGood(&stream) == 8);
  loader->Stop(&stream);
}

TEST_CASE("A job that fails does not disturb another") {
  Fixture good, bad;
  SimIoEngine engine(GENERATE(range(0u, 10u)));
  RunningLoader loader(&engine, {.read_bytes_max = kTile});
  // The drive tells files apart by nothing, so the fault is where only one
  // reads.
  good.reads.resize(4);
  engine.AddFault({Kind::kBitFlip, bad.weights.offset_bytes(5)});
  WeightStream good_stream(8), bad_stream(8);

  loader->Start(&bad_stream, bad.Request());
  loader->Start(&good_stream, good.Request());
  CHECK(good.CountGood(&good_stream) == 4);
  CHECK(bad.CountGood(&bad_stream) == 5);
  loader->Stop(&good_stream);
  loader->Stop(&bad_stream);
}

// Any number of faults anywhere: what comes is right, and the first read that
// does not come is the first in program order whose faults do not go away.
TEST_CASE("Under random faults every byte is right or not there") {
  const uint32_t seed = GENERATE(range(0u, 200u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Fixture f;
  SimIoEngine engine(seed, 1 + random() % 5);
  size_t first_bad = 8;
  std::set<absl::StatusCode> codes = {absl::StatusCode::kOk};
  std::map<uint64_t, int> tiles_with_faults;
  for (uint32_t i = random() % 6; i > 0; --i) {
    const uint64_t at = random() % (8 * kExtent);
    if (tiles_with_faults[at / kTile]++) continue;  // They would add up.
    const Kind kind =
        std::array{Kind::kShort, Kind::kError, Kind::kBitFlip}[random() % 3];
    const bool always = random() % 4 == 0;
    engine.AddFault(
        {kind, f.weights.offset_bytes(0, at), always ? SimFault::kAlways : 1});
    if (!always || at / kExtent > first_bad) continue;
    // Two in one extent: the drive decides which is found first.
    if (at / kExtent < first_bad) codes.clear();
    first_bad = at / kExtent;
    codes.insert(kind == Kind::kBitFlip ? absl::StatusCode::kDataLoss
                                        : absl::StatusCode::kInternal);
  }
  RunningLoader loader(&engine, {.reads_in_flight = 1 + random() % 4,
                                 .read_bytes_max = kTile << random() % 4,
                                 .retries_max = 5});
  WeightStream stream(8);

  loader->Start(&stream, f.Request());
  const size_t good = f.CountGood(&stream);
  const absl::StatusCode heard =
      good == 8 ? absl::StatusCode::kOk : stream.Wait(7).status().code();
  loader->Stop(&stream);

  CHECK(good == first_bad);
  CHECK(codes.count(heard) == 1);
  CHECK(f.ring.ring.empty());
}

}  // namespace
}  // namespace layerd
