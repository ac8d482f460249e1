#include "test/kernels/oracle.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "kernels/reference/reference_backend.h"

namespace layerd {
namespace {

int64_t GroupsOf(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) return conv->groups;
  if (const auto* conv = std::get_if<ConvTranspose>(&op)) return conv->groups;
  return 1;
}

// In whole groups, of at least one.
int64_t ChannelStep(const TestLayer& layer, int64_t wanted) {
  const int64_t groups = GroupsOf(layer.whole.op);
  if (groups == 1) return wanted;
  const int64_t of_group = layer.whole.channels.count / groups;
  return std::max<int64_t>(wanted / of_group, 1) * of_group;
}

}  // namespace

bool IsCut(const TestLayer& layer) {
  return layer.whole.channels.count > 0 && !layer.whole.weights.empty();
}

bool IsCutIntoRows(const TestLayer& layer) {
  return IsCut(layer) && !std::holds_alternative<ConvTranspose>(layer.whole.op);
}

std::vector<PartSpec> Cut(const TestLayer& layer, int64_t channels,
                          int64_t rows) {
  const Range& all_channels = layer.whole.channels;
  const Range& all_rows = layer.whole.rows;
  const int64_t step = ChannelStep(layer, channels);
  std::vector<PartSpec> parts;
  for (int64_t c = 0; c < all_channels.count; c += step) {
    for (int64_t r = 0; r < all_rows.count; r += rows) {
      parts.push_back(PartOf(layer, {c, std::min(step, all_channels.count - c)},
                             {r, std::min(rows, all_rows.count - r)}));
    }
  }
  return parts;
}

std::string WrongBesideOracle(Backend& backend, const TestLayer& layer,
                              const std::vector<PartSpec>& parts,
                              const RunOptions& options,
                              const OracleQuestion& question) {
  const TestLayer& asked = question.asked ? *question.asked : layer;
  const Outcome expected = Run(*MakeReferenceBackend(), asked);
  if (!expected.status.ok()) {
    return "the oracle: " + std::string(expected.status.message());
  }
  const Outcome actual = Run(backend, layer, parts, options);
  if (!actual.status.ok()) return actual.status.ToString();
  if (!actual.guards_held) return "a guard was written";
  if (question.compare) {
    return question.compare(actual.output, expected.output);
  }
  return Difference(asked.whole.outputs[0].dtype, actual.output,
                    expected.output);
}

}  // namespace layerd
