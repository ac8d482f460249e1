#ifndef LAYERD_DAEMON_PACK_GRAPH_GRAPH_SKETCH_H_
#define LAYERD_DAEMON_PACK_GRAPH_GRAPH_SKETCH_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/pack/graph/graph.h"

namespace layerd {

// Draws graphs for tests, as the importer would hand them over: shapes and all
// attributes are there. Values and nodes are called by the names they get.
class GraphSketch {
 public:
  using Shape = std::vector<int64_t>;
  using Attributes = std::map<std::string, AttributeValue>;

  explicit GraphSketch(uint32_t seed = 1) : random_(seed) {}

  int Input(const std::string& name, Shape shape,
            DataType dtype = DataType::kF32);
  int Numbers(const std::string& name, Shape shape, std::vector<float> numbers);
  // Uniform in [low, high).
  int Random(const std::string& name, Shape shape, float low = -1,
             float high = 1);

  // The value `name` that a node of the same name makes.
  int Add(const std::string& name, const std::string& op_type,
          std::vector<int> inputs, Shape shape, Attributes attributes = {});

  // With random weights. `pads` on all sides.
  int Conv(const std::string& name, int x, int64_t channels, int64_t kernel,
           int64_t stride = 1, int64_t pads = 0, int64_t groups = 1,
           bool bias = true);
  int BatchNorm(const std::string& name, int x);
  int Relu(const std::string& name, int x);
  int Concat(const std::string& name, std::vector<int> inputs, int64_t axis);

  void Output(int value) { graph_.outputs.push_back(value); }
  void SetType(int value, DataType dtype) {
    graph_.values[value].dtype = dtype;
  }
  const Shape& ShapeOf(int value) const { return *graph_.values[value].shape; }
  float Uniform(float low, float high);
  int Below(int bound);

  // The last call.
  Graph Take() { return std::move(graph_); }

 private:
  int AddValue(const std::string& name, Shape shape, DataType dtype);

  Graph graph_;
  std::mt19937 random_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_GRAPH_SKETCH_H_
