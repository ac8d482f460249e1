// One contract for all engines: whoever reads through IoEngine cannot tell
// io_uring, pread, a paced and the simulated drive apart, but for speed and
// order.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "loader/io/io_engine.h"
#include "loader/io/io_uring_engine.h"
#include "loader/io/paced_engine.h"
#include "loader/io/pread_engine.h"
#include "loader/io/unique_fd.h"
#include "test/catch/catch.h"
#include "test/sim/sim_io_engine.h"

namespace layerd {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kDepth = 4;
constexpr double kPacedBytesPerS = 400e6;

using Pages = std::unique_ptr<std::byte, void (*)(void*)>;

Pages AllocatePages(size_t bytes) {
  return Pages(static_cast<std::byte*>(std::aligned_alloc(kPage, bytes)),
               &std::free);
}

// Null if this machine has no such engine; that is said once.
std::unique_ptr<IoEngine> MakeEngine(const std::string& name) {
  if (name == "pread") return std::make_unique<PreadEngine>(kDepth);
  if (name == "sim") return std::make_unique<SimIoEngine>(7, kDepth);
  if (name == "paced") {
    return std::make_unique<PacedEngine>(
        std::make_unique<PreadEngine>(kDepth), kPacedBytesPerS,
        [] { return std::chrono::steady_clock::now(); });
  }
  auto engine = IoUringEngine::Open(kDepth);
  if (engine.ok()) return *std::move(engine);
  static const bool said = [&] {
    std::cout << "SKIPPED: io_uring: " << engine.status().message() << "\n";
    return true;
  }();
  return said ? nullptr : nullptr;
}

// 64 pages and a half of bytes that follow from their offset, in a file that
// has no name any more.
class PatternFile {
 public:
  static constexpr size_t kBytes = 64 * kPage + kPage / 2;

  PatternFile() {
    const char* folder = std::getenv("TEST_TMPDIR");
    std::string path = std::string(folder ? folder : "/tmp") + "/patternXXXXXX";
    UniqueFd writer(mkstemp(path.data()));
    REQUIRE(writer);
    std::vector<std::byte> bytes(kBytes);
    for (size_t i = 0; i < kBytes; ++i) bytes[i] = At(i);
    REQUIRE(write(writer.get(), bytes.data(), kBytes) == ssize_t{kBytes});
    REQUIRE(fsync(writer.get()) == 0);
    fd_ = UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    if (!fd_) fd_ = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(fd_);
    unlink(path.c_str());
  }

  static std::byte At(size_t offset) {
    return static_cast<std::byte>(offset * 31 + offset / kPage * 7);
  }

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

bool Matches(std::span<const std::byte> bytes, size_t offset) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != PatternFile::At(offset + i)) return false;
  }
  return true;
}

ReadCompletion ReapOne(IoEngine* engine) {
  ReadCompletion completion;
  while (engine->Reap({&completion, 1}, /*wait=*/true) == 0) {
  }
  return completion;
}

#define FOR_EVERY_ENGINE()                                              \
  const std::string name =                                              \
      GENERATE(as<std::string>(), "io_uring", "pread", "sim", "paced"); \
  INFO(name);                                                           \
  const std::unique_ptr<IoEngine> engine = MakeEngine(name);            \
  if (engine == nullptr) return

TEST_CASE("An engine completes every read once, with its bytes") {
  FOR_EVERY_ENGINE();
  const bool registered = GENERATE(false, true);
  PatternFile file;
  const Pages memory = AllocatePages(kDepth * 4 * kPage);
  if (registered) {
    const absl::Status status =
        engine->RegisterMemory({memory.get(), kDepth * 4 * kPage});
    REQUIRE((status.ok() || absl::IsResourceExhausted(status)));
  }
  std::mt19937 random(3);
  std::vector<ReadRequest> in_flight(kDepth);
  std::vector<bool> busy(kDepth, false);
  int submitted = 0;
  int completed = 0;

  while (completed < 200) {
    for (size_t i = 0; i < kDepth && submitted < 200; ++i) {
      if (busy[i]) continue;
      const size_t pages = 1 + random() % 4;
      in_flight[i] = {file.fd(),
                      random() % 61 * kPage,
                      {memory.get() + i * 4 * kPage, pages * kPage},
                      i};
      engine->Submit(in_flight[i]);
      busy[i] = true;
      ++submitted;
    }
    ReadCompletion completions[kDepth];
    const size_t count = engine->Reap(completions, random() % 2 == 0);
    for (size_t k = 0; k < count; ++k) {
      const size_t i = completions[k].user_data;
      REQUIRE(i < kDepth);
      REQUIRE(busy[i]);
      busy[i] = false;
      ++completed;
      REQUIRE(completions[k].result ==
              static_cast<int64_t>(in_flight[i].into.size()));
      REQUIRE(Matches(in_flight[i].into, in_flight[i].offset_bytes));
    }
  }
  ReadCompletion none;
  CHECK(engine->Reap({&none, 1}, /*wait=*/false) == 0);
}

TEST_CASE("Memory can be registered in pieces, and read across their seam") {
  FOR_EVERY_ENGINE();
  PatternFile file;
  const Pages memory = AllocatePages(8 * kPage);
  for (size_t i = 0; i < 2; ++i) {
    const absl::Status status =
        engine->RegisterMemory({memory.get() + i * 4 * kPage, 4 * kPage});
    REQUIRE((status.ok() || absl::IsResourceExhausted(status)));
  }
  const size_t first = GENERATE(0, 2, 4);

  engine->Submit(
      {file.fd(), kPage, {memory.get() + first * kPage, 4 * kPage}, 1});

  CHECK(ReapOne(engine.get()).result == 4 * kPage);
  CHECK(Matches({memory.get() + first * kPage, 4 * kPage}, kPage));
}

TEST_CASE("A read across the end of the file comes short") {
  FOR_EVERY_ENGINE();
  PatternFile file;
  const Pages memory = AllocatePages(4 * kPage);
  engine->Submit({file.fd(), 63 * kPage, {memory.get(), 4 * kPage}, 1});

  CHECK(ReapOne(engine.get()).result == kPage + kPage / 2);
  CHECK(Matches({memory.get(), kPage + kPage / 2}, 63 * kPage));

  engine->Submit({file.fd(), 70 * kPage, {memory.get(), kPage}, 2});
  CHECK(ReapOne(engine.get()).result == 0);
}

TEST_CASE("A descriptor that is none completes with -EBADF") {
  FOR_EVERY_ENGINE();
  PatternFile file;
  const Pages memory = AllocatePages(2 * kPage);
  engine->Submit({-1, 0, {memory.get(), kPage}, 1});
  engine->Submit({file.fd(), 0, {memory.get() + kPage, kPage}, 2});

  for (int i = 0; i < 2; ++i) {
    const ReadCompletion completion = ReapOne(engine.get());
    CHECK(completion.result ==
          (completion.user_data == 1 ? -EBADF : int64_t{kPage}));
  }
}

TEST_CASE("A wake ends the next wait, once") {
  FOR_EVERY_ENGINE();
  ReadCompletion none;
  engine->Wake();
  engine->Wake();
  CHECK(engine->Reap({&none, 1}, /*wait=*/false) == 0);  // Keeps the wake.
  CHECK(engine->Reap({&none, 1}, /*wait=*/true) == 0);
}

TEST_CASE("A wake from another thread ends the present wait, every time") {
  FOR_EVERY_ENGINE();
  std::atomic<int> asked{0};
  std::thread waker([&] {
    for (int i = 0; i < 1000; ++i) {
      asked.wait(i);
      engine->Wake();
    }
  });
  for (int i = 0; i < 1000; ++i) {
    ++asked;
    asked.notify_one();
    ReadCompletion none;
    CHECK(engine->Reap({&none, 1}, /*wait=*/true) == 0);
  }
  waker.join();
}

TEST_CASE("What was written before a wake is seen after the wait") {
  FOR_EVERY_ENGINE();
  constexpr int kNotes = 20000;
  std::atomic<int> note{0};
  std::thread writer([&] {
    for (int i = 1; i <= kNotes; ++i) {
      note.store(i, std::memory_order_relaxed);
      engine->Wake();
    }
  });
  // A lost wake would leave this waiting for ever.
  while (note.load(std::memory_order_relaxed) < kNotes) {
    ReadCompletion none;
    engine->Reap({&none, 1}, /*wait=*/true);
  }
  writer.join();
}

TEST_CASE("The simulated drive keeps no order, but the same for a seed") {
  PatternFile file;
  const Pages memory = AllocatePages(kDepth * kPage);
  const auto order = [&](uint32_t seed) {
    SimIoEngine engine(seed, kDepth);
    std::string order;
    for (int round = 0; round < 8; ++round) {
      for (size_t i = 0; i < kDepth; ++i) {
        engine.Submit({file.fd(), 0, {memory.get() + i * kPage, kPage}, i});
      }
      for (size_t i = 0; i < kDepth; ++i) {
        order += static_cast<char>('0' + ReapOne(&engine).user_data);
      }
    }
    return order;
  };
  CHECK(order(1) == order(1));
  CHECK(order(1) != order(2));
}

}  // namespace
}  // namespace layerd
