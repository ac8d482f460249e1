#ifndef LAYERD_DAEMON_PACK_LOWER_WEIGHT_WRITER_H_
#define LAYERD_DAEMON_PACK_LOWER_WEIGHT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/network/network.h"
#include "daemon/plan/program.h"

namespace layerd {

// Lays the weights of one part after the other into extents: read from the
// source, scaled, reordered into the layout that the part's pieces say, and
// narrowed to the type in which they are stored.
//
// Memory: one extent, that of a narrow kernel as f32 too, and of weights that
// are stored transposed a panel of
//         kPanelBytesMax (or one part, where that is more): their rows hold
//         the channels of all parts, so a panel serves many parts.
// Ownership: `graph` is a loan and outlives the writer.
// Threading: one thread.
class WeightWriter {
 public:
  static constexpr size_t kPanelBytesMax = 32 << 20;

  explicit WeightWriter(const Graph& graph) : graph_(graph) {}

  // `weights` are those of the part's layer, `extent` is zero.
  // Errors: of reading the source; OUT_OF_RANGE for a number that cannot be
  //         stored so.
  absl::Status Write(const Program& program, const Part& part,
                     const std::vector<Weight>& weights,
                     std::span<std::byte> extent);

  // Elements of a table from `first` on, as they lie in it.
  absl::Status WriteTable(const Weight& weight, DataType stored, int64_t first,
                          std::span<std::byte> to);

 private:
  absl::Status WriteKernel(const Weight& weight, const WeightLayout& layout,
                           int64_t groups, Range channels, float* to);
  // By way of f32. `scales` are null if the weight has none.
  absl::Status WriteNarrow(const Operator& op, const Weight& weight,
                           const WeightLayout& layout, Range channels,
                           std::byte* to, float* scales);
  absl::Status WriteSwapped(const Weight& weight, const WeightLayout& layout,
                            int64_t groups, Range channels, float* to);
  // The one of these that `op` wants.
  absl::Status WriteWide(const Operator& op, const Weight& weight,
                         const WeightLayout& layout, Range channels, float* to);
  absl::Status WriteTransposed(const Weight& weight, const WeightLayout& layout,
                               Range channels, float* to);
  absl::Status WriteWhole(const Weight& weight, const WeightLayout& layout,
                          std::byte* to);
  absl::Status ReadPanel(const Weight& weight, Range channels);

  const Graph& graph_;
  std::vector<float> rows_;
  std::vector<float> image_;  // Of a narrow kernel, in its layout.
  // Columns [panel_first_, +panel_columns_) of constant panel_of_.
  std::vector<float> panel_;
  int panel_of_ = -1;
  int64_t panel_first_ = 0;
  int64_t panel_columns_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_WEIGHT_WRITER_H_
