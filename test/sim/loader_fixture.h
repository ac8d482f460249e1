#ifndef LAYERD_TEST_SIM_LOADER_FIXTURE_H_
#define LAYERD_TEST_SIM_LOADER_FIXTURE_H_

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "config/check.h"
#include "loader/loader.h"
#include "loader/memory/slab.h"
#include "test/sim/random_weights.h"

namespace layerd {

// A loader and its thread.
class RunningLoader {
 public:
  RunningLoader(IoEngine* engine, const LoaderOptions& options)
      : loader_(engine, options), thread_([this] { loader_.Run(); }) {}
  ~RunningLoader() { Shutdown(); }

  Loader* operator->() { return &loader_; }
  void Shutdown() {
    loader_.Shutdown();
    if (thread_.joinable()) thread_.join();
  }

 private:
  Loader loader_;
  std::thread thread_;
};

// A ring and the memory it lies in.
struct RingInSlab {
  explicit RingInSlab(size_t bytes)
      : slab(*Slab::Allocate(bytes)), ring(slab->memory()) {}

  std::unique_ptr<Slab> slab;
  WeightRing ring;
};

// Every extent of the file once, through the ring.
inline std::vector<StreamRead> ReadAll(const RandomWeights& weights) {
  std::vector<StreamRead> reads(weights.extents());
  for (uint32_t i = 0; i < reads.size(); ++i) reads[i].extent = i;
  return reads;
}

inline bool Same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_LOADER_FIXTURE_H_
