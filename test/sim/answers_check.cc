#include "test/sim/answers_check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/lower/cut.h"
#include "daemon/pack/network/fold_affine.h"
#include "daemon/pack/network/fuse.h"
#include "daemon/pack/network/naive_answers.h"
#include "daemon/pack/network/recognise.h"
#include "daemon/pack/network/simplify.h"
#include "daemon/pack/network/translate.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/packed_answers.h"

namespace layerd {

std::vector<std::vector<float>> RandomInputs(const Graph& graph,
                                             GraphSketch* sketch) {
  std::vector<std::vector<float>> inputs;
  for (const int input : graph.inputs) {
    inputs.emplace_back(CountOf(*graph.values[input].shape));
    for (float& number : inputs.back()) number = sketch->Uniform(-1, 1);
  }
  return inputs;
}

void CheckClose(const std::vector<float>& got, const std::vector<float>& want) {
  REQUIRE(got.size() == want.size());
  float largest = 1;
  for (const float number : want) {
    largest = std::max(largest, std::abs(number));
  }
  float difference = 0;
  bool numbers = true;
  for (size_t i = 0; i < got.size(); ++i) {
    difference = std::max(difference, std::abs(got[i] - want[i]));
    numbers = numbers && std::isfinite(got[i]);
  }
  CHECK(numbers);
  CHECK(difference <= 1e-4f * largest);
}

void CheckAnswers(GraphSketch* sketch) {
  const Graph graph = sketch->Take();
  Network network = *Translate(graph);
  const std::string drawn = ToString(network);
  INFO(drawn);
  const std::vector<std::vector<float>> inputs = RandomInputs(graph, sketch);
  const auto want = NaiveAnswers(network, inputs);

  RecogniseLayerNorms(&network);
  RecogniseActivations(&network);
  REQUIRE(Simplify(&network).ok());
  REQUIRE(FoldAffine(&network).ok());
  Fuse(&network);
  RemoveDeadNodes(&network);
  INFO(ToString(network));
  const CutLimits small = {4 << 10, 10000};
  const auto reference = MakeReferenceBackend();
  const auto cpu = MakeCpuBackend(1);
  for (Backend* backend : {reference.get(), cpu.get()}) {
    INFO(backend->key().backend);
    const auto got = PackedAnswers(network, small, inputs, *backend);
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < got.size(); ++i) CheckClose(got[i], want[i]);
  }
}

}  // namespace layerd
