// The planner against machines that only do what one step allows: no formula of
// the planner is in here.
#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "daemon/plan/ring_recurrence.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr double kNever = std::numeric_limits<double>::max();

struct Case {
  std::vector<uint64_t> reads;
  std::vector<TimedPart> parts;
  double drive_bytes_per_s = 1;
  uint64_t ring_bytes = 0, prefilled_bytes = 0;
  double first_read_seconds = 0;

  RingCase Loan() const {
    return {.reads_bytes = reads,
            .parts = parts,
            .drive_bytes_per_s = drive_bytes_per_s,
            .ring_bytes = ring_bytes,
            .prefilled_bytes = prefilled_bytes,
            .first_read_seconds = first_read_seconds};
  }
};

// Extents with several users, held ones, heads (parts that read nothing), seams
// of all kinds: sizes that do not divide the ring.
Case RandomCase(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](uint32_t n) { return random() % n; };
  Case c;
  c.drive_bytes_per_s = 0.5 + below(1000) / 250.0;
  const uint32_t reads = 1 + below(40);
  uint64_t largest = 0;
  std::vector<uint32_t> held;  // Come back later.
  for (uint32_t i = 0; i < reads; ++i) {
    c.reads.push_back(1 + below(12));
    largest = std::max(largest, c.reads.back());
    const uint32_t users = below(4) == 0 ? 1 + below(4) : 1;
    for (uint32_t k = 0; k < users; ++k) {
      c.parts.push_back({i, below(5000) / 1000.0});
    }
    if (below(6) == 0) held.push_back(i);
    if (below(3) == 0) c.parts.push_back({{}, below(2000) / 1000.0});
    if (!held.empty() && below(3) == 0) {
      c.parts.push_back({held.back(), below(1000) / 1000.0});
      held.pop_back();
    }
  }
  c.ring_bytes = largest + below(60);
  c.prefilled_bytes = below(2) == 0 ? 0
                      : below(2) == 0
                          ? c.ring_bytes
                          : below(static_cast<uint32_t>(c.ring_bytes));
  c.first_read_seconds = below(3) == 0 ? below(1000) / 500.0 : 0;
  return c;
}

// A drive, a ring and a processor that take one step after another in time.
class Machine {
 public:
  explicit Machine(const Case& c) : c_(c), users_(c.reads.size(), 0) {
    for (const TimedPart& part : c.parts) {
      if (part.read) ++users_[*part.read];
    }
    arrival_.resize(c.reads.size(), kNever);
    drive_free_ = c.first_read_seconds;
  }

  // When each part ends; nothing if the machine stands still before that.
  std::optional<std::vector<double>> Run() {
    while (ends_.size() < c_.parts.size()) {
      while (StartRead() || StartPart()) {
      }
      const double next = NextEvent();
      if (next == kNever) return std::nullopt;
      now_ = next;
      EndPart();
    }
    return ends_;
  }

 private:
  struct Room {
    uint64_t begin, end;  // Since the first lap.
    uint32_t read;
  };

  bool StartRead() {
    if (next_read_ == c_.reads.size()) return false;
    const uint64_t bytes = c_.reads[next_read_];
    const uint64_t lap = c_.ring_bytes;
    uint64_t begin = end_;
    if (begin / lap != (begin + bytes - 1) / lap)
      begin = (begin / lap + 1) * lap;
    const bool there = begin + bytes <= c_.prefilled_bytes;
    if (!there && now_ < drive_free_) return false;
    if (!rooms_.empty() && begin + bytes > rooms_.front().begin + lap) {
      return false;
    }
    end_ = begin + bytes;
    rooms_.push_back({begin, end_, next_read_});
    arrival_[next_read_] =
        there ? 0 : now_ + static_cast<double>(bytes) / c_.drive_bytes_per_s;
    if (!there) drive_free_ = arrival_[next_read_];
    ++next_read_;
    return true;
  }

  bool StartPart() {
    if (running_ || ends_.size() == c_.parts.size()) return false;
    const TimedPart& part = c_.parts[ends_.size()];
    if (part.read && arrival_[*part.read] > now_) return false;
    running_ = now_ + part.seconds;
    return true;
  }

  void EndPart() {
    if (!running_ || *running_ > now_) return;
    const TimedPart& part = c_.parts[ends_.size()];
    ends_.push_back(now_);
    running_.reset();
    if (part.read) --users_[*part.read];
    while (!rooms_.empty() && users_[rooms_.front().read] == 0) {
      rooms_.pop_front();
    }
  }

  double NextEvent() const {
    double next = running_.value_or(kNever);
    if (drive_free_ > now_) next = std::min(next, drive_free_);
    return next;
  }

  const Case& c_;
  std::vector<uint32_t> users_;  // Parts still to come, of each read.
  std::vector<double> arrival_;
  std::deque<Room> rooms_;
  std::vector<double> ends_;
  std::optional<double> running_;
  double now_ = 0, drive_free_ = 0;
  uint64_t end_ = 0;
  uint32_t next_read_ = 0;
};

TEST_CASE("The recurrence is what a machine does, part by part") {
  int refused = 0;
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    INFO("seed " << seed);
    const Case c = RandomCase(seed);
    const auto finish = RingFinishTimes(c.Loan());
    const auto ends = Machine(c).Run();
    REQUIRE(finish.ok() == ends.has_value());
    refused += !finish.ok();
    if (!finish.ok()) continue;
    REQUIRE(finish->size() == ends->size());
    for (size_t t = 0; t < ends->size(); ++t) {
      REQUIRE((*finish)[t] == Approx((*ends)[t]).epsilon(1e-9).margin(1e-12));
    }
  }
  CHECK(refused > 0);
  CHECK(refused < 4000);
}

// Reads whatever it likes, keeps what it likes, and starts with whatever it
// likes in memory.
class AnySchedule {
 public:
  AnySchedule(const Case& c, uint64_t memory_bytes, uint32_t seed)
      : c_(c), memory_bytes_(memory_bytes), random_(seed) {
    for (uint32_t i = 0; i < c.reads.size(); ++i) order_.push_back(i);
    std::shuffle(order_.begin(), order_.end(), random_);
    if (random_() % 2 == 0) {
      for (const uint32_t i : order_) {
        if (Used() + c.reads[i] <= memory_bytes) resident_.insert(i);
      }
    }
  }

  double Run() {
    size_t next = 0;
    while (next < c_.parts.size()) {
      const auto needed = c_.parts[next].read;
      if (!running_ && (!needed || resident_.contains(*needed))) {
        running_ = now_ + c_.parts[next].seconds;
      }
      if (!reading_) StartRead(next);
      double event = kNever;
      if (running_) event = *running_;
      if (reading_) event = std::min(event, read_end_);
      REQUIRE(event < kNever);
      now_ = event;
      if (reading_ && read_end_ <= now_) {
        resident_.insert(*reading_);
        reading_.reset();
      }
      if (running_ && *running_ <= now_) {
        running_.reset();
        ++next;
      }
    }
    return now_;
  }

 private:
  uint64_t Used() const {
    uint64_t bytes = reading_ ? c_.reads[*reading_] : 0;
    for (const uint32_t i : resident_) bytes += c_.reads[i];
    return bytes;
  }

  void StartRead(size_t next) {
    const auto needed = c_.parts[next].read;
    const bool waits = !running_;
    uint32_t wanted = order_[random_() % order_.size()];
    if (needed && !resident_.contains(*needed) && (waits || random_() % 2)) {
      wanted = *needed;
    }
    if (resident_.contains(wanted)) return;
    // Never what the processor works on.
    std::vector<uint32_t> spare;
    for (const uint32_t i : resident_) {
      if (i != needed) spare.push_back(i);
    }
    std::shuffle(spare.begin(), spare.end(), random_);
    while (Used() + c_.reads[wanted] > memory_bytes_) {
      if (spare.empty()) return;
      resident_.erase(spare.back());
      spare.pop_back();
    }
    reading_ = wanted;
    read_end_ =
        now_ + static_cast<double>(c_.reads[wanted]) / c_.drive_bytes_per_s;
  }

  const Case& c_;
  const uint64_t memory_bytes_;
  std::mt19937 random_;
  std::vector<uint32_t> order_;
  std::set<uint32_t> resident_;
  std::optional<uint32_t> reading_;
  std::optional<double> running_;
  double now_ = 0, read_end_ = 0;
};

TEST_CASE("No schedule beats the lower bounds") {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    INFO("seed " << seed);
    Case c = RandomCase(seed);
    const uint64_t memory = 2 * c.ring_bytes;
    c.prefilled_bytes = memory;
    const LowerBounds bounds = AnyScheduleBounds(c.Loan(), memory);
    const double took = AnySchedule(c, memory, seed).Run();
    CHECK(took >= bounds.compute_seconds * (1 - 1e-12));
    CHECK(took >= bounds.io_seconds * (1 - 1e-12));
    CHECK(took >= bounds.capacity_seconds * (1 - 1e-12));
    CHECK(took >= bounds.flow_seconds * (1 - 1e-12));
    CHECK(bounds.greatest_seconds() <= bounds.flow_seconds * (1 + 1e-12));
  }
}

}  // namespace
}  // namespace layerd
