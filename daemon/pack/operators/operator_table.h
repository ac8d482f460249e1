#ifndef LAYERD_DAEMON_PACK_OPERATORS_OPERATOR_TABLE_H_
#define LAYERD_DAEMON_PACK_OPERATORS_OPERATOR_TABLE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/operators/constant_folding.h"
#include "daemon/pack/operators/node_context.h"

namespace layerd {

// When a node's output is computed while packing.
enum class Folds : uint8_t {
  kNever,
  kSmall,       // If all inputs are known, within kFoldElementsMax.
  kAnySize,     // If all inputs are known: it copies little or is worth it.
  kFromShapes,  // Always: the inputs' elements do not matter.
};

// What a node that stays may compute with.
enum class Lowers : uint8_t {
  kNo,       // It must fold.
  kFloats,   // f16, bf16, f32
  kNumbers,  // Those, f64, bool, and integers but for u64: with i64 inside.
  kAny,      // It moves elements.
};

// Which outputs a node may leave out.
enum class Gaps : uint8_t {
  kNotFirst,
  kAny,
};

// One operator: a new one is a new row. Those of another domain than ONNX's own
// have its name before theirs.
struct OperatorRow {
  std::string_view op_type;
  int64_t opset_min;  // That it appeared in; all are still there in kOpsetMax.
  size_t inputs_min, inputs_max;
  size_t outputs_max;
  // Null: it is spelled out as it is written, and its nodes are inferred.
  absl::Status (*infer)(NodeContext& node);
  Folds folds;
  absl::StatusOr<Constant> (*fold)(const Folding& node);  // Null: kNever.
  Lowers lowers;
  Gaps gaps = Gaps::kNotFirst;
};

// All of them, by name.
std::span<const OperatorRow> Operators();

// Null if packing does not know it.
const OperatorRow* FindOperator(std::string_view op_type);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_OPERATOR_TABLE_H_
