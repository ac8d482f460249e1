#ifndef LAYERD_DAEMON_PLAN_MEMORY_SHARE_H_
#define LAYERD_DAEMON_PLAN_MEMORY_SHARE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "daemon/plan/latency_table.h"

namespace layerd {

// Who gets how much: one ring for each level, one head for each model, so that
// all models together are as little slower than resident ones as the room
// allows. What counts is the sum over all models of cold latency relative to
// computing alone, each as often as it is asked: where all are asked alike,
// each model's per cent weigh the same.
//
// Begins with the least memory that runs everything. Then it puts a price on a
// byte and lets every level and every head take what is worth it; the lowest
// price at which all of that fits is the plan (Lagrange's way to share one
// scarce good: what is bought last gains least a byte). What is left is spent
// on the best single changes. For one model that is the best of all pairs of
// ring and head there are; more room never makes it slower.
//
// Units:     bytes.
// Threading: one thread.
class MemoryShare {
 public:
  struct Model {
    LatencyTable* table;  // A loan.
    double rate = 1;      // Of its requests, 1 in the mean of all.
  };
  struct Level {
    std::vector<Model> models;
    uint64_t least_ring_bytes = 0;  // Of the least plan.
  };
  explicit MemoryShare(std::vector<Level> levels);

  struct Choice {  // Of one level.
    uint64_t ring_bytes = 0;
    std::vector<size_t> steps = {};  // Of the demand of each model.
  };
  // REQUIRES: the least plan fits into the room.
  std::vector<Choice> Best(uint64_t room_bytes);

 private:
  struct Priced {
    Choice choice = {};
    uint64_t bytes = 0;
    double badness = 0;
  };
  static double Badness(const Model& model, uint64_t ring_bytes, size_t step);
  static uint64_t HeadBytes(const LatencyTable& table, size_t step);
  Priced Price(const Level& level, Choice choice) const;
  std::vector<size_t> StepsFor(LatencyTable& table, uint64_t ring_bytes) const;
  size_t Cheapest(const Model& model, uint64_t ring_bytes, double price) const;
  Choice AtPrice(const Level& level, uint64_t ring_bytes, double price) const;
  Priced AtPrice(size_t level, double price) const;
  std::vector<Priced> AllAtPrice(double price) const;
  void ForEachChange(size_t level, double price,
                     const std::function<void(Choice)>& consider) const;
  bool ImproveOnce(double price, std::vector<Priced>* plan) const;

  std::vector<Level> levels_;
  std::vector<std::vector<uint64_t>> rings_;  // Of each level.
  uint64_t room_bytes_ = 0;                   // Of the call to Best().
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_MEMORY_SHARE_H_
