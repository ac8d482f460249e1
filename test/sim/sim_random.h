#ifndef LAYERD_TEST_SIM_SIM_RANDOM_H_
#define LAYERD_TEST_SIM_SIM_RANDOM_H_

#include <cstdint>

namespace layerd {

// Fast, and the same everywhere: the standard's distributions are not.
class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed * 2 + 1) {
    for (int i = 0; i < 4; ++i) Next();
  }
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }
  // In [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_SIM_RANDOM_H_
