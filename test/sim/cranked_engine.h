#ifndef LAYERD_TEST_SIM_CRANKED_ENGINE_H_
#define LAYERD_TEST_SIM_CRANKED_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "loader/io/io_engine.h"
#include "loader/loader.h"

namespace layerd {

// A drive and everybody else, on the loader's own thread: whenever the loader
// would sleep, the next step of a test is taken. So a test says at which moment
// of the loader's something happens, and a loader that nobody woke is still
// asleep at the next step.
//
//   CrankedEngine engine;
//   Loader loader(&engine, {});
//   engine.Run(&loader, {[&] { loader.Start(...); }, [&] { CHECK(...); }});
//
// Reads are answered one by one, in the order in which they were asked for, and
// with all their bytes.
//
// Threading: one thread. A step may not wait for the loader: Stop() follows
//            AskToStop() in a later step.
class CrankedEngine final : public IoEngine {
 public:
  // Runs the loader until all steps are taken.
  void Run(Loader* loader, std::vector<std::function<void()>> steps);

  // Nothing is answered, or again.
  void Hold() { holds_ = true; }
  void LetGo() { holds_ = false; }

  uint64_t bytes_in_flight() const;
  // So often the loader looked whether something has come.
  size_t looks() const { return looks_; }

  absl::Status RegisterMemory(std::span<std::byte> memory) override;
  size_t depth() const override { return 16; }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override { woken_ = true; }

 private:
  bool answers() const { return !holds_ && !in_flight_.empty(); }

  Loader* loader_ = nullptr;
  std::deque<std::function<void()>> steps_;
  std::deque<ReadRequest> in_flight_;
  size_t looks_ = 0;
  bool holds_ = false, woken_ = false;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_CRANKED_ENGINE_H_
