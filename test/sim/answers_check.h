#ifndef LAYERD_TEST_SIM_ANSWERS_CHECK_H_
#define LAYERD_TEST_SIM_ANSWERS_CHECK_H_

#include <vector>

#include "daemon/pack/graph/graph.h"
#include "daemon/pack/graph/graph_sketch.h"

namespace layerd {

// For tests. Failures fail the test that calls.

// Numbers from -1 to 1, in the order of the graph's inputs.
std::vector<std::vector<float>> RandomInputs(const Graph& graph,
                                             GraphSketch* sketch);

// Numbers all of them, within 1e-4 of the largest that is wanted (or of 1).
void CheckClose(const std::vector<float>& got, const std::vector<float>& want);

// That the graph answers as drawn, node by node, once it is folded, fused and
// cut small: on the reference backend and on the CPU's.
//
// REQUIRES: inputs and outputs are f32. `sketch` is spent.
void CheckAnswers(GraphSketch* sketch);

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_ANSWERS_CHECK_H_
