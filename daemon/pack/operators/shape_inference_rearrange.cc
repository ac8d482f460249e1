// Operators that take a tensor apart and put it together otherwise.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

absl::StatusOr<int64_t> TakeBlock(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t block,
                   node.TakeInt("blocksize", std::nullopt));
  if (block < 1 || block > (1 << 15) || node.rank(0) != 4) {
    return node.Invalid(absl::StrFormat("blocksize %d of [%s]", block,
                                        absl::StrJoin(node.shape(0), ", ")));
  }
  return block;
}

absl::Status DoesNotDivide(const NodeContext& node, int64_t block) {
  return node.Invalid(absl::StrFormat("blocks of %d do not divide [%s]", block,
                                      absl::StrJoin(node.shape(0), ", ")));
}

// How long the pieces are: an attribute before opset 13, an input since; equal
// ones, but for the last, if it is left out.
absl::StatusOr<std::vector<int64_t>> TakePieces(NodeContext& node,
                                                int64_t length) {
  std::vector<int64_t> pieces;
  if (node.opset() < 13) {
    RETURN_IF_ERROR(node.CheckInputCount(1));
    ASSIGN_OR_RETURN(pieces, node.TakeInts("split", std::vector<int64_t>()));
  } else if (node.has_input(1)) {
    ASSIGN_OR_RETURN(pieces, node.Ints(1, "split"));
  }
  const auto outputs = static_cast<int64_t>(node.node().outputs.size());
  ASSIGN_OR_RETURN(const int64_t count, node.TakeInt("num_outputs", outputs));
  if (count != outputs) {
    return node.Invalid(
        absl::StrFormat("num_outputs is %d, but it has %d", count, outputs));
  }
  if (!pieces.empty()) return pieces;
  const int64_t piece = (length + count - 1) / count;
  for (int64_t i = 0; i < count; ++i) {
    pieces.push_back(std::min(piece, std::max<int64_t>(0, length - i * piece)));
  }
  return pieces;
}

}  // namespace

absl::Status InferSplit(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 0));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  const auto along = static_cast<size_t>(axis);
  ASSIGN_OR_RETURN(const std::vector<int64_t> pieces,
                   TakePieces(node, node.shape(0)[along]));
  int64_t left = node.shape(0)[along];
  for (const int64_t piece : pieces) {
    if (piece < 0 || piece > left) {
      left = -1;
      break;
    }
    left -= piece;
  }
  if (left != 0 || pieces.size() != node.node().outputs.size()) {
    return node.Invalid(
        absl::StrFormat("pieces of [%s] for %d outputs and %d elements",
                        absl::StrJoin(pieces, ", "), node.node().outputs.size(),
                        node.shape(0)[along]));
  }
  std::vector<int64_t> starts;
  for (const int64_t piece : pieces) {
    starts.push_back(starts.empty() ? 0 : left);
    left = starts.back() + piece;
  }
  node.KeepInputs(1);
  node.Set("axis", axis);
  node.Set("starts", std::move(starts));
  for (size_t i = 0; i < pieces.size(); ++i) {
    std::vector<int64_t> to = node.shape(0);
    to[along] = pieces[i];
    RETURN_IF_ERROR(node.SetOutput(i, node.dtype(0), std::move(to)));
  }
  return absl::OkStatus();
}

absl::Status InferDepthToSpace(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t block, TakeBlock(node));
  ASSIGN_OR_RETURN(const std::string mode,
                   node.TakeOneOf("mode", "DCR", {"DCR", "CRD"}));
  const std::vector<int64_t>& from = node.shape(0);
  if (from[1] % (block * block) != 0) return DoesNotDivide(node, block);
  node.Set("blocksize", block);
  node.Set("mode", mode);
  return node.SetOutput(
      0, node.dtype(0),
      {from[0], from[1] / (block * block), from[2] * block, from[3] * block});
}

absl::Status InferSpaceToDepth(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t block, TakeBlock(node));
  ASSIGN_OR_RETURN(const std::string mode,
                   node.TakeOneOf("mode", "DCR", {"DCR", "CRD"}));
  const std::vector<int64_t>& from = node.shape(0);
  if (from[2] % block != 0 || from[3] % block != 0) {
    return DoesNotDivide(node, block);
  }
  node.Set("blocksize", block);
  node.Set("mode", mode);
  return node.SetOutput(
      0, node.dtype(0),
      {from[0], from[1] * block * block, from[2] / block, from[3] / block});
}

absl::Status InferTile(NodeContext& node) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> repeats, node.Ints(1, "repeats"));
  std::vector<int64_t> to = node.shape(0);
  if (repeats.size() != to.size()) {
    return node.Invalid(absl::StrFormat("%d repeats for %d dimensions",
                                        repeats.size(), to.size()));
  }
  for (size_t d = 0; d < to.size(); ++d) {
    if (repeats[d] < 0 || repeats[d] > (int64_t{1} << 31) ||
        to[d] > (int64_t{1} << 31)) {
      return node.Invalid(absl::StrFormat("%d repeats", repeats[d]));
    }
    to[d] *= repeats[d];
  }
  node.KeepInputs(1);
  node.Set("repeats", repeats);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

}  // namespace layerd
