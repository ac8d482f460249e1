#include "test/sim/imported_answers.h"

#include "daemon/pack/network/simplify.h"
#include "daemon/pack/network/translate.h"
#include "test/catch/catch.h"
#include "test/sim/packed_answers.h"

namespace layerd {

std::vector<std::vector<float>> ImportedAnswers(
    TestModel& model, const std::vector<std::vector<float>>& inputs,
    Backend& backend) {
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.ok());
  Network network = *Translate(*graph);
  REQUIRE(Simplify(&network).ok());
  return PackedAnswers(network, {4 << 10, 3000}, inputs, backend);
}

}  // namespace layerd
