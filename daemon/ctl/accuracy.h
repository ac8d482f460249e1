#ifndef LAYERD_DAEMON_CTL_ACCURACY_H_
#define LAYERD_DAEMON_CTL_ACCURACY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/npy.h"

namespace layerd {

// What one output of a model loses when weights are stored narrow: all numbers
// are over all inputs that were tried.
struct OutputAccuracy {
  std::string name;
  double largest_difference = 0;  // Magnitude.
  double mean_difference = 0;     // Of magnitudes.
  // The f32 answers' greatest number minus their least: what a difference must
  // be seen against. None where all are equal.
  double spread = 0;
  // Rows of the last dimension, and how many have their largest number where
  // f32 has it.
  uint64_t rows = 0, rows_same_largest = 0;
};

struct Accuracy {
  size_t inputs = 0;      // Sets of them.
  bool is_seeded = true;  // They were made up.
  std::vector<OutputAccuracy> outputs;
};

// Adds up the answers of one model stored in two ways.
class AccuracyOf {
 public:
  explicit AccuracyOf(std::vector<std::string> names);

  // One request's outputs. REQUIRES: of the same types and shapes, one for
  // each name.
  void Add(const std::vector<Array>& wide, const std::vector<Array>& narrow);

  Accuracy Finish(bool is_seeded) const;

 private:
  struct Sum {
    OutputAccuracy accuracy;
    double differences = 0, least = 0, greatest = 0;
    uint64_t count = 0;
  };
  std::vector<Sum> sums_;
  size_t inputs_ = 0;
};

// Adds the object "accuracy".
void AddAccuracy(const Accuracy& accuracy, JsonWriter* json);
// A line an output.
std::string AccuracyText(const Accuracy& accuracy, const std::string& weights);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_ACCURACY_H_
