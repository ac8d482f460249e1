// Products of matrices.

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

absl::Status Mismatch(const NodeContext& node, const char* why) {
  return node.Invalid(absl::StrFormat("[%s] times [%s]: %s",
                                      absl::StrJoin(node.shape(0), ", "),
                                      absl::StrJoin(node.shape(1), ", "), why));
}

absl::Status InferProduct(NodeContext& node, std::vector<int64_t> a,
                          std::vector<int64_t> b) {
  if (a.empty() || b.empty()) return Mismatch(node, "a scalar is no matrix");
  if (node.dtype(0) != node.dtype(1)) return Mismatch(node, "types differ");
  // A vector is a row on the left and a column on the right, for a while.
  const bool is_row = a.size() == 1;
  const bool is_column = b.size() == 1;
  if (is_row) a.insert(a.begin(), 1);
  if (is_column) b.push_back(1);
  const int64_t rows = a[a.size() - 2];
  const int64_t columns = b.back();
  if (a.back() != b[b.size() - 2]) {
    return Mismatch(node, "the inner dimensions differ");
  }
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  std::optional<std::vector<int64_t>> product = BroadcastShape(a, b);
  if (!product) return Mismatch(node, "the outer dimensions differ");
  if (!is_row) product->push_back(rows);
  if (!is_column) product->push_back(columns);
  return node.SetOutput(0, node.dtype(0), *std::move(product));
}

}  // namespace

absl::Status InferGemm(NodeContext& node) {
  ASSIGN_OR_RETURN(const float alpha, node.TakeFloat("alpha", 1.0f));
  ASSIGN_OR_RETURN(const float beta, node.TakeFloat("beta", 1.0f));
  ASSIGN_OR_RETURN(const int64_t flips_a, node.TakeInt("transA", 0));
  ASSIGN_OR_RETURN(const int64_t flips_b, node.TakeInt("transB", 0));
  if (node.rank(0) != 2 || node.rank(1) != 2) {
    return Mismatch(node, "both must be matrices");
  }
  std::vector<int64_t> a = node.shape(0);
  std::vector<int64_t> b = node.shape(1);
  if (flips_a != 0) std::swap(a[0], a[1]);
  if (flips_b != 0) std::swap(b[0], b[1]);
  if (a[1] != b[0]) return Mismatch(node, "the inner dimensions differ");
  if (node.dtype(0) != node.dtype(1)) return Mismatch(node, "types differ");
  const std::vector<int64_t> product = {a[0], b[1]};
  if (node.has_input(2) && (BroadcastShape(product, node.shape(2)) != product ||
                            node.dtype(2) != node.dtype(0))) {
    return Mismatch(node, "C does not broadcast to the product");
  }
  node.Set("alpha", alpha);
  node.Set("beta", beta);
  node.Set("transA", int64_t{flips_a != 0});
  node.Set("transB", int64_t{flips_b != 0});
  return node.SetOutput(0, node.dtype(0), product);
}

absl::Status InferMatMul(NodeContext& node) {
  return InferProduct(node, node.shape(0), node.shape(1));
}

absl::Status InferMatMulOfRows(NodeContext& node) {
  std::vector<int64_t> turned = node.shape(1);
  std::swap(turned[0], turned[1]);
  return InferProduct(node, node.shape(0), std::move(turned));
}

}  // namespace layerd
