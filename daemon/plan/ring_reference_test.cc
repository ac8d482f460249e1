// The recurrence and the bounds beside the reference in Python, where somebody
// put that beside the checkout.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "daemon/plan/ring_recurrence.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr char kComparer[] = "daemon/plan/ring_reference.py";
constexpr uint32_t kCases = 3000;

struct Case {
  std::vector<uint64_t> reads;
  std::vector<TimedPart> parts;
  RingCase ring;  // Without the two above.

  RingCase Loan() const {
    RingCase loan = ring;
    loan.reads_bytes = reads;
    loan.parts = parts;
    return loan;
  }
};

// Extents that several parts use and that are held, tensors that are read
// twice (two reads of one size), heads (parts that read nothing), seams of all
// kinds, and blocking.
Case RandomCase(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](uint32_t n) { return random() % n; };
  const auto seconds = [&] { return below(5000) / 1000.0; };
  Case c;
  const uint32_t head = below(4);
  for (uint32_t i = 0; i < head; ++i) c.parts.push_back({{}, seconds()});
  const uint32_t reads = 1 + below(60);
  for (uint32_t i = 0; i < reads; ++i) {
    const bool again = i > 0 && below(8) == 0;
    c.reads.push_back(again ? c.reads[below(i)] : 1 + below(24));
    const uint32_t users = below(4) == 0 ? 1 + below(4) : 1;
    for (uint32_t k = 0; k < users; ++k) c.parts.push_back({i, seconds()});
    if (below(3) == 0) c.parts.push_back({{}, seconds()});
    if (i > 0 && below(8) == 0) c.parts.push_back({i - 1, seconds()});
  }
  const uint64_t largest = *std::max_element(c.reads.begin(), c.reads.end());
  c.ring.drive_bytes_per_s = 0.5 + below(1000) / 250.0;
  c.ring.ring_bytes = below(20) == 0 ? largest - 1 : largest + below(90);
  const auto lap = static_cast<uint32_t>(c.ring.ring_bytes);
  c.ring.prefilled_bytes = below(2) == 0   ? 0
                           : below(2) == 0 ? lap
                                           : below(lap + 1);
  c.ring.first_read_seconds = below(3) == 0 ? seconds() / 5 : 0;
  c.ring.block_read_seconds = below(3) == 0 ? seconds() / 5 : 0;
  c.ring.block_compute_seconds = below(3) == 0 ? seconds() / 5 : 0;
  return c;
}

std::string Exact(double value) { return absl::StrFormat("%.17g", value); }

std::string Array(const std::vector<double>& values) {
  return absl::StrCat("[",
                      absl::StrJoin(values, ",",
                                    [](std::string* out, double v) {
                                      absl::StrAppend(out, Exact(v));
                                    }),
                      "]");
}

// A line for the comparer: the case, and what we say of it.
std::string Line(const Case& c) {
  const RingCase ring = c.Loan();
  const auto finish = RingFinishTimes(ring);
  const LowerBounds bounds = AnyScheduleBounds(ring, ring.ring_bytes);
  const std::string parts =
      absl::StrJoin(c.parts, ",", [](std::string* out, const TimedPart& part) {
        absl::StrAppend(out, "[", part.read ? absl::StrCat(*part.read) : "null",
                        ",", Exact(part.seconds), "]");
      });
  return absl::StrFormat(
      R"({"reads": [%s], "parts": [%s], "beta": %s, "ring": %d, "prefill": %d, )"
      R"("first_read": %s, "block_read": %s, "block_compute": %s, )"
      R"("finish": %s, "bounds": %s, "flow": [%s]})"
      "\n",
      absl::StrJoin(c.reads, ","), parts, Exact(ring.drive_bytes_per_s),
      ring.ring_bytes, ring.prefilled_bytes, Exact(ring.first_read_seconds),
      Exact(ring.block_read_seconds), Exact(ring.block_compute_seconds),
      finish.ok() ? Array(*finish) : "null",
      Array(
          {bounds.compute_seconds, bounds.io_seconds, bounds.capacity_seconds}),
      Exact(bounds.flow_seconds));
}

TEST_CASE("The recurrence and its bounds agree with the reference to 1e-9") {
  const std::filesystem::path comparer = std::filesystem::canonical(kComparer);
  const std::filesystem::path reference =
      comparer.parent_path().parent_path().parent_path().parent_path() /
      "shared/reference/asap.py";
  if (!std::filesystem::exists(reference)) {
    std::cout << "SKIPPED: no shared/reference/asap.py beside this checkout\n";
    return;
  }
  const ScratchFolder scratch;
  const std::string cases = scratch / "cases";
  std::ofstream lines(cases);
  for (uint32_t seed = 0; seed < kCases; ++seed)
    lines << Line(RandomCase(seed));
  lines.close();
  REQUIRE(lines.good());

  const std::string command =
      absl::StrFormat("python3 -B '%s' '%s' '%s'", comparer.string(), cases,
                      reference.string());
  CHECK(std::system(command.c_str()) == 0);
}

}  // namespace
}  // namespace layerd
