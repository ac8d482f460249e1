#include "daemon/pack/lower/cut.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/table_size.h"
#include "daemon/pack/lower/work_flops.h"
#include "daemon/plan/layer_rows.h"
#include "daemon/plan/program_check.h"
#include "kernels/decoded_part.h"
#include "kernels/part_check.h"
#include "kernels/type_check.h"
#include "kernels/winograd.h"

namespace layerd {
namespace {

constexpr int64_t kConvolutionBlock = 32;
// With so few rows each weight is used too seldom to keep a processor busy: the
// memory bounds it, and half a panel of a tile is no slower than a whole one.
constexpr int64_t kFewRows = 4;
constexpr int64_t kFullyConnectedBlock = 32;
constexpr int64_t kFewRowsBlock = 16;
// Fewer would spend a fifth of their time on the way of the input.
constexpr int64_t kWinogradBlock = 64;

// What a byte of activations costs at least, counted as operations: 0.2 GFLOP
// take as long as 5 MB to and from memory, which a processor moves in 1 ms.
constexpr uint64_t kFlopsOfByte = 40;
// Where nothing is multiplied, ranges of channels are read as slowly as 3 GB/s:
// some cache lines of each pixel, which no prefetcher foresees.
constexpr uint64_t kFlopsOfByteAlone = 80;
// Comparing is slower than multiplying, and so are products of few columns.
constexpr uint64_t kPoolCost = 6;
constexpr uint64_t kMatMulCost = 2;
// A step multiplies few rows, so its weights come slowly from the cache.
constexpr uint64_t kRecurrentCost = 16;
constexpr uint64_t kRecurrentRowsMax = 8;
// Winograd's operations are a fourth, and somewhat slower.
constexpr uint64_t kWinogradSpeed = 3;

// Row 0 alone would say that a layer is not cut.
constexpr int64_t kRowsOfSliceMin = 2;

constexpr int64_t RoundUp(int64_t number, int64_t to) {
  return (number + to - 1) / to * to;
}

// A convolution whose kernel is computed at run time has no weights to cut.
bool IsCut(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) {
    return !conv->kernel_is_input;
  }
  if (const auto* conv = std::get_if<ConvTranspose>(&op)) {
    return !conv->kernel_is_input;
  }
  return std::holds_alternative<FullyConnected>(op);
}

int64_t GroupsOf(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) return conv->groups;
  if (const auto* conv = std::get_if<ConvTranspose>(&op)) return conv->groups;
  return 1;
}

// The fewest channels that a part may have, and the step of more.
int64_t BlockOf(const Operator& op, const TensorType& output,
                int64_t channels) {
  if (std::holds_alternative<FullyConnected>(op)) {
    const bool few = AllRows(op, output).count <= kFewRows;
    return few ? kFewRowsBlock : kFullyConnectedBlock;
  }
  const int64_t groups = GroupsOf(op);
  const int64_t of_group = channels / groups;
  return groups == 1 ? kConvolutionBlock : RoundUp(kConvolutionBlock, of_group);
}

// Whether a part gathers so few of the rows of its weight that reading these
// alone is less than streaming all: at most half of its tiles.
bool LooksUp(const PartSpec& plain) {
  const auto* gather = std::get_if<Gather>(&plain.op);
  if (gather == nullptr || gather->axis != 0 || plain.inputs.size() != 1) {
    return false;
  }
  const WeightLayout& table = plain.weights[0].layout;
  const uint64_t bytes = table.bytes();
  const uint64_t tiles_of_row = bytes / table.shape[0] / kTableTileBytes + 2;
  const uint64_t looked_up =
      plain.inputs[0].element_count() * tiles_of_row * kTableTileBytes;
  const bool is_wide_or_byte = table.dtype == DataType::kF32 ||
                               table.dtype == DataType::kI8 ||
                               table.dtype == DataType::kU8;
  return bytes > kTableBytesMin && looked_up <= bytes / 2 && is_wide_or_byte &&
         plain.outputs[0].is_plain();
}

// Cuts one program; remembers the layouts of the layer at hand.
class Cutter {
 public:
  Cutter(const Lowered& lowered, const CutLimits& limits,
         const Backend& backend)
      : lowered_(lowered),
        limits_(limits),
        backend_(backend),
        program_(lowered.program) {}

  absl::StatusOr<Program> Run() {
    for (size_t l = 0; l < program_.layers.size(); ++l) {
      const absl::Status status = CutLayer(static_cast<uint32_t>(l));
      if (status.ok()) continue;
      return absl::Status(status.code(), absl::StrCat(lowered_.descriptions[l],
                                                      ": ", status.message()));
    }
    AppendTables();
    return std::move(program_);
  }

 private:
  absl::Status CutLayer(uint32_t l);
  // Row parts of one range of channels; they share its extent.
  absl::Status AddParts(uint32_t l, Range channels);
  int64_t ChannelsOfPart(uint32_t l, const Range& all) const;
  // Of `all`.
  int64_t RowsOfPart(const PartSpec& plain, int64_t all) const;
  uint64_t WorkOf(const PartSpec& plain) const;
  PartSpec PlainSpec(uint32_t l, Range channels) const;
  absl::Status PlaceWeights(const PartSpec& plain, Part* part);
  void PlaceTable(const PartSpec& plain, Part* part);
  void AppendTables();
  uint32_t AppendExtent(uint64_t bytes);

  bool IsWinograd(const PartSpec& whole) const;
  DataType StoredAs(const Operator& op, const Weight& weight) const;

  const Lowered& lowered_;
  const CutLimits& limits_;
  const Backend& backend_;
  Program program_;
  // By channel count: equal parts of a layer have equal layouts.
  std::map<int64_t, std::vector<WeightLayout>> layouts_;
  bool is_winograd_ = false, is_table_ = false;  // The layer at hand.
  // By what they hold: what two layers share is one extent, read twice.
  std::map<std::string, uint32_t> extents_;
  // Tables lie behind the stream; until then parts count them from 0.
  struct TableExtent {
    int constant;
    uint64_t bytes;
  };
  std::vector<TableExtent> tables_;
};

// The shape of `weight` for a part of so many channels.
std::vector<int64_t> PieceShape(const Operator& op, const Weight& weight,
                                int64_t all_channels, int64_t channels) {
  std::vector<int64_t> shape = weight.shape;
  if (!IsCut(op)) return shape;
  shape[0] = channels;
  const int64_t groups = GroupsOf(op);
  if (groups <= 1 || shape.size() == 1 || all_channels % groups != 0) {
    return shape;  // Or unsound: CheckPart() says so.
  }
  shape[0] = all_channels / groups;
  shape.insert(shape.begin(), channels / shape[0]);
  return shape;
}

template <typename T>
void AppendBytes(const std::vector<T>& numbers, std::string* text) {
  absl::StrAppend(text, numbers.size(), ":");
  text->append(reinterpret_cast<const char*>(numbers.data()),
               numbers.size() * sizeof(T));
}

// The numbers of channels [first, +count), if there is one for each of `all`.
std::vector<float> OfChannels(const std::vector<float>& numbers, int64_t all,
                              const Range& channels) {
  if (static_cast<int64_t>(numbers.size()) != all) return numbers;
  const auto first = numbers.begin() + channels.first;
  return {first, first + channels.count};
}

// The same text for two extents only if they hold the same bytes.
std::string ContentOf(const Operator& op, const std::vector<Weight>& weights,
                      const std::vector<WeightPiece>& pieces,
                      const Range& channels) {
  std::string text = absl::StrCat(op.index(), " ", GroupsOf(op), ";");
  for (size_t w = 0; w < weights.size(); ++w) {
    const Weight& weight = weights[w];
    const int64_t all = IsCut(op) ? weight.shape[0] : -1;
    absl::StrAppend(&text, weight.constant, " ", weight.transposed, " ",
                    weight.picture_channels, " ", weight.scaled, " ",
                    pieces[w].offset_bytes, " ", ToString(pieces[w].layout),
                    ";");
    if (weight.constant >= 0 && IsCut(op)) {
      absl::StrAppend(&text, channels.first, "+", channels.count, ";");
    }
    AppendBytes(weight.shape, &text);
    AppendBytes(OfChannels(weight.held, all, channels), &text);
    AppendBytes(weight.held_integers, &text);
    AppendBytes(OfChannels(weight.output_scale, all, channels), &text);
    AppendBytes(weight.input_scale, &text);
  }
  return text;
}

// Looked-up rows are narrow in a table alone: nothing decodes them elsewhere.
DataType Cutter::StoredAs(const Operator& op, const Weight& weight) const {
  const bool is_wide = std::holds_alternative<Gather>(op) && !is_table_;
  return IsNarrow(weight.stored) && !is_wide ? weight.stored : weight.dtype;
}

PartSpec Cutter::PlainSpec(uint32_t l, Range channels) const {
  const Layer& layer = program_.layers[l];
  const TensorType& output = program_.tensors[layer.outputs[0]].type;
  Part part;
  part.layer = l;
  part.channels = channels;
  part.rows = AllRows(layer.op, output);
  const int64_t all = AllChannels(layer.op, output).count;
  const std::vector<Weight>& weights = lowered_.weights[l];
  for (const Weight& weight : weights) {
    part.weights.push_back(
        {WeightLayout::Plain(StoredAs(layer.op, weight),
                             PieceShape(layer.op, weight, all, channels.count)),
         0});
  }
  if (!weights.empty() && weights[0].scaled) {
    part.weights.push_back(
        {WeightLayout::Plain(DataType::kF32, {channels.count}), 0});
  }
  if (is_winograd_) {
    WeightLayout& kernel = part.weights[0].layout;
    kernel = WeightLayout::PlainWinograd(kernel.shape);
  }
  return program_.SpecOf(part);
}

// Whether the backend does as we wish.
bool Cutter::IsWinograd(const PartSpec& whole) const {
  const auto* conv = std::get_if<Convolution>(&whole.op);
  if (!limits_.wishes_winograd || conv == nullptr || conv->groups != 1 ||
      whole.weights.empty()) {
    return false;
  }
  PartSpec wish = whole;
  WeightLayout& kernel = wish.weights[0].layout;
  if (kernel.shape.size() != 4 || kernel.shape[2] != 3 ||
      kernel.shape[3] != 3) {
    return false;
  }
  kernel = WeightLayout::PlainWinograd(kernel.shape);
  const auto layouts = backend_.WeightLayouts(wish);
  return layouts.ok() &&
         (*layouts)[0].transform == WeightLayout::Transform::kWinograd;
}

int64_t Cutter::ChannelsOfPart(uint32_t l, const Range& all) const {
  const Layer& layer = program_.layers[l];
  if (!IsCut(layer.op)) return all.count;
  const PartSpec whole = PlainSpec(l, all);
  uint64_t bytes = 0;
  for (const WeightPiece& piece : DecodedSpec(whole).weights) {
    bytes += piece.layout.bytes();
  }
  const int64_t bytes_each = std::max<int64_t>(1, bytes / all.count);
  const int64_t block = is_winograd_
                            ? kWinogradBlock
                            : BlockOf(layer.op, whole.outputs[0], all.count);
  // The bias is aligned behind the kernel.
  const uint64_t bytes_max =
      is_winograd_ ? limits_.winograd_bytes_max : limits_.extent_bytes_max;
  const int64_t by_bytes = (bytes_max - kWeightAlignment) / bytes_each;
  // Rows of a transposed convolution share what they write: it is not cut
  // there. Rows of a matrix would each meet all of its weights again.
  const bool cuts_work = std::holds_alternative<ConvTranspose>(layer.op) ||
                         std::holds_alternative<FullyConnected>(layer.op);
  const uint64_t work = WorkFlops(whole) + whole.outputs[0].element_count() *
                                               OutputFlops(layer.op);
  const int64_t by_work = cuts_work ? limits_.part_flops_max /
                                          std::max<int64_t>(1, work / all.count)
                                    : by_bytes;
  const int64_t most =
      std::max(block, std::min(by_bytes, by_work) / block * block);
  const int64_t pieces = (all.count + most - 1) / most;
  return RoundUp((all.count + pieces - 1) / pieces, block);
}

uint64_t BytesMoved(const PartSpec& spec) {
  uint64_t bytes = 0;
  for (const auto* types : {&spec.inputs, &spec.outputs}) {
    for (const TensorType& type : *types) {
      bytes += type.element_count() * SizeOf(type.dtype);
    }
  }
  return bytes;
}

// As operations of a processor that is kept busy. Parts over channels share
// what the first of them has brought near.
uint64_t Cutter::WorkOf(const PartSpec& plain) const {
  const int64_t all = AllChannels(plain.op, plain.outputs[0]).count;
  const uint64_t storing = plain.outputs[0].element_count() / all *
                           static_cast<uint64_t>(plain.channels.count) *
                           OutputFlops(plain.op);
  const uint64_t moving = BytesMoved(plain) / all *
                          static_cast<uint64_t>(plain.channels.count) *
                          (IsCut(plain.op) ? kFlopsOfByte : kFlopsOfByteAlone);
  const uint64_t flops = WorkFlops(plain);
  // Squares are taken to their points, and back, before and after.
  if (is_winograd_) {
    return flops / kWinogradSpeed + storing + moving / 2;
  }
  if (IsCut(plain.op)) {
    return std::max(flops + storing, moving);
  }
  if (std::holds_alternative<Pool>(plain.op)) {
    return std::max(flops * kPoolCost, moving);
  }
  if (std::holds_alternative<MatMul>(plain.op)) {
    return std::max(flops * kMatMulCost, moving);
  }
  if (std::holds_alternative<Recurrent>(plain.op)) {
    return flops * kRecurrentCost /
           std::min<uint64_t>(plain.inputs[0].shape[1], kRecurrentRowsMax);
  }
  return std::max(flops, moving);
}

// What is too much work is cut over rows and not over channels: all parts
// compute with one extent, and each writes whole pixels side by side.
int64_t Cutter::RowsOfPart(const PartSpec& plain, int64_t all) const {
  const uint64_t flops_each = std::max<uint64_t>(1, WorkOf(plain) / all);
  const int64_t most =
      std::clamp<uint64_t>(limits_.part_flops_max / flops_each, 1, all);
  const int64_t pieces = (all + most - 1) / most;
  const int64_t rows = (all + pieces - 1) / pieces;
  const bool is_slice = plain.rows == Range{0, 1};
  if (is_slice && !IsCut(plain.op) && rows < all) {
    const int64_t line = RowsOfLine(plain);
    return std::max({rows / line * line, line, kRowsOfSliceMin});
  }
  return is_winograd_ ? RoundUp(rows, kWinogradOutputs) : rows;
}

absl::Status Cutter::CutLayer(uint32_t l) {
  layouts_.clear();
  const Layer& layer = program_.layers[l];
  const Range all =
      AllChannels(layer.op, program_.tensors[layer.outputs[0]].type);
  // Before any arithmetic on shapes that do not fit each other.
  is_winograd_ = is_table_ = false;
  RETURN_IF_ERROR(CheckPart(PlainSpec(l, all)));
  is_table_ =
      LooksUp(PlainSpec(l, all)) && lowered_.weights[l][0].constant >= 0;
  is_winograd_ = IsWinograd(PlainSpec(l, all));
  const int64_t step = ChannelsOfPart(l, all);
  for (int64_t first = 0; first < all.count; first += step) {
    RETURN_IF_ERROR(AddParts(l, {first, std::min(step, all.count - first)}));
  }
  return absl::OkStatus();
}

absl::Status Cutter::AddParts(uint32_t l, Range channels) {
  const PartSpec plain = PlainSpec(l, channels);
  Part part;
  part.layer = l;
  part.channels = channels;
  if (!plain.weights.empty()) RETURN_IF_ERROR(PlaceWeights(plain, &part));
  const bool is_slice =
      !IsCut(plain.op) && !part.table && plain.rows == Range{0, 1};
  const int64_t all = is_slice ? RowsOfLayer(plain) : plain.rows.count;
  const int64_t step = RowsOfPart(plain, all);
  for (int64_t row = 0; row < all; row += step) {
    part.rows = {row, std::min(step, all - row)};
    if (is_slice && part.rows.count == all) part.rows = {0, 1};
    part.work_flops = WorkFlops(program_.SpecOf(part));
    program_.parts.push_back(part);
  }
  return absl::OkStatus();
}

uint32_t Cutter::AppendExtent(uint64_t bytes) {
  const uint64_t stored = program_.extents.empty()
                              ? 0
                              : program_.extents.back().offset_bytes +
                                    program_.extents.back().stored_bytes;
  program_.extents.push_back({stored, RoundUpToPage(bytes)});
  return static_cast<uint32_t>(program_.extents.size() - 1);
}

// Lookups in the same constant share the table.
void Cutter::PlaceTable(const PartSpec& plain, Part* part) {
  const WeightLayout& layout = plain.weights[0].layout;
  const int constant = lowered_.weights[part->layer][0].constant;
  const auto known = std::find_if(
      tables_.begin(), tables_.end(),
      [&](const auto& table) { return table.constant == constant; });
  part->table = static_cast<uint32_t>(known - tables_.begin());
  part->weights = {{layout, 0}};
  if (known == tables_.end()) tables_.push_back({constant, layout.bytes()});
}

void Cutter::AppendTables() {
  const auto first = static_cast<uint32_t>(program_.extents.size());
  for (const TableExtent& table : tables_) {
    program_.extents[AppendExtent(table.bytes)].tile_bytes = kTableTileBytes;
  }
  for (Part& part : program_.parts) {
    if (part.table) *part.table += first;
  }
}

absl::Status Cutter::PlaceWeights(const PartSpec& plain, Part* part) {
  const std::vector<Weight>& weights = lowered_.weights[part->layer];
  if (is_table_) {
    PlaceTable(plain, part);
    return absl::OkStatus();
  }
  std::vector<WeightLayout>& layouts = layouts_[plain.channels.count];
  if (layouts.empty()) {
    ASSIGN_OR_RETURN(layouts, backend_.WeightLayouts(plain));
  }
  uint64_t end = 0;
  for (const WeightLayout& layout : layouts) {
    const uint64_t offset = RoundUp(end, kWeightAlignment);
    part->weights.push_back({layout, offset});
    end = offset + layout.bytes();
  }
  const std::string content =
      ContentOf(plain.op, weights, part->weights, plain.channels);
  const auto [known, is_new] = extents_.try_emplace(content, 0);
  if (is_new) known->second = AppendExtent(end);
  part->read = static_cast<uint32_t>(program_.reads.size());
  program_.reads.push_back(known->second);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Program> Cut(const Lowered& lowered, const CutLimits& limits,
                            const Backend& backend) {
  return Cutter(lowered, limits, backend).Run();
}

}  // namespace layerd
