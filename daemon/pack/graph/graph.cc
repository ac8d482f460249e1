#include "daemon/pack/graph/graph.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/source_file.h"

namespace layerd {
namespace {

constexpr size_t kChunkBytes = 64 << 10;

// Elements [first, first + count) as stored, into `out`.
absl::Status Fetch(const Graph& graph, const Constant& constant,
                   uint64_t first_byte, std::span<std::byte> out) {
  LAYERD_CHECK(first_byte + out.size() <= constant.bytes());
  if (out.empty()) return absl::OkStatus();
  if (constant.file < 0) {
    std::memcpy(out.data(), constant.held.data() + first_byte, out.size());
    return absl::OkStatus();
  }
  const absl::Status read =
      ReadSource(*graph.files[static_cast<size_t>(constant.file)],
                 constant.offset_bytes + first_byte, out);
  if (read.ok()) return read;
  return absl::Status(
      read.code(),
      absl::StrFormat("weights %s [%s]: %s", NameOf(constant.dtype),
                      absl::StrJoin(constant.shape, ", "),
                      std::string(read.message())));
}

// Element `at` of what begins with byte 0 of `bytes`, in a byte of its own.
std::byte Widened(const Constant& constant, std::span<const std::byte> bytes,
                  uint64_t at) {
  const auto per_byte = static_cast<uint64_t>(constant.per_byte);
  const uint64_t width = 8 / per_byte;
  const auto byte = std::to_integer<unsigned>(bytes[at / per_byte]);
  const unsigned mask = (1u << width) - 1;
  const unsigned bits = byte >> (at % per_byte * width) & mask;
  const bool is_negative =
      constant.dtype == DataType::kI8 && bits >> (width - 1) != 0;
  return static_cast<std::byte>(is_negative ? bits | (0xffu & ~mask) : bits);
}

// REQUIRES: constant.per_byte > 1.
absl::Status FetchWidened(const Graph& graph, const Constant& constant,
                          uint64_t first, std::span<std::byte> out) {
  if (out.empty()) return absl::OkStatus();
  const auto per_byte = static_cast<uint64_t>(constant.per_byte);
  const uint64_t first_byte = first / per_byte;
  std::vector<std::byte> bytes((first + out.size() + per_byte - 1) / per_byte -
                               first_byte);
  RETURN_IF_ERROR(Fetch(graph, constant, first_byte, bytes));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = Widened(constant, bytes, first % per_byte + i);
  }
  return absl::OkStatus();
}

template <typename To>
absl::Status FetchParts(const Graph& graph, const Constant& constant,
                        int64_t first, std::span<To> out) {
  std::vector<std::byte> chunk(std::min(kChunkBytes, out.size()));
  for (size_t done = 0; done < out.size();) {
    const auto bytes =
        std::span(chunk).first(std::min(kChunkBytes, out.size() - done));
    RETURN_IF_ERROR(FetchWidened(graph, constant,
                                 static_cast<uint64_t>(first) + done, bytes));
    ConvertElements(constant.dtype, bytes.data(),
                    out.subspan(done, bytes.size()));
    done += bytes.size();
  }
  return absl::OkStatus();
}

// Bounded memory whatever the size: file -> chunk -> `out`.
template <typename To>
absl::Status FetchConverted(const Graph& graph, const Constant& constant,
                            int64_t first, std::span<To> out) {
  if (constant.per_byte > 1) return FetchParts(graph, constant, first, out);
  const size_t element_bytes = SizeOf(constant.dtype);
  const size_t chunk_elements = kChunkBytes / element_bytes;
  std::vector<std::byte> chunk(std::min(chunk_elements, out.size()) *
                               element_bytes);
  for (size_t done = 0; done < out.size();) {
    const size_t count = std::min(chunk_elements, out.size() - done);
    const auto bytes = std::span(chunk).first(count * element_bytes);
    const uint64_t at = (static_cast<uint64_t>(first) + done) * element_bytes;
    RETURN_IF_ERROR(Fetch(graph, constant, at, bytes));
    ConvertElements(constant.dtype, bytes.data(), out.subspan(done, count));
    done += count;
  }
  return absl::OkStatus();
}

void Dequantise(const Constant& constant, int64_t first,
                std::span<float> elements) {
  const auto count = static_cast<int64_t>(constant.scales.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    const int64_t at = first + static_cast<int64_t>(i);
    const auto run = static_cast<size_t>(at / constant.run_elements % count);
    const int64_t zero =
        constant.zero_points.empty() ? 0 : constant.zero_points[run];
    elements[i] =
        (elements[i] - static_cast<float>(zero)) * constant.scales[run];
  }
}

// Where the elements of a constant that is quantised by blocks have theirs.
class BlockPlaces {
 public:
  // `count` scales or zero points for all of it.
  BlockPlaces(const Constant& constant, int64_t count)
      : run_(constant.run_elements), blocks_(*constant.blocks) {
    const int64_t outer =
        constant.element_count() / (run_ * blocks_.axis_length);
    of_axis_ = count / (outer * run_);
  }

  int64_t Of(int64_t element) const {
    const int64_t step = element / run_;
    const int64_t outer = step / blocks_.axis_length;
    const int64_t block = step % blocks_.axis_length / blocks_.length;
    return (outer * of_axis_ + block) * run_ + element % run_;
  }
  // Those of elements [first, first + count) lie in [first, end).
  std::pair<int64_t, int64_t> Span(int64_t first, int64_t count) const {
    const int64_t last = first + count - 1;
    const int64_t in_run = first % run_;
    if (in_run + count <= run_) return {Of(first), Of(last) + 1};
    return {Of(first) - in_run, Of(last) - last % run_ + run_};
  }

 private:
  int64_t run_;
  Constant::Blocks blocks_;
  int64_t of_axis_;  // Blocks along it.
};

// What blocks have for elements [first, first + count), and where it begins.
absl::StatusOr<std::vector<float>> OfBlocks(const Graph& graph,
                                            const Constant& from,
                                            std::pair<int64_t, int64_t> span) {
  std::vector<float> numbers(static_cast<size_t>(span.second - span.first));
  RETURN_IF_ERROR(graph.ReadF32(from, span.first, std::span<float>(numbers)));
  return numbers;
}

absl::Status SubtractZeros(const Graph& graph, const Constant& constant,
                           int64_t first, std::span<float> elements) {
  if (constant.blocks->zeros < 0) {
    const auto zero = constant.zero_points.empty()
                          ? 0.0f
                          : static_cast<float>(constant.zero_points[0]);
    for (float& element : elements) element -= zero;
    return absl::OkStatus();
  }
  const Constant& from =
      graph.constants[static_cast<size_t>(constant.blocks->zeros)];
  const BlockPlaces places(constant, from.element_count());
  const auto span = places.Span(first, static_cast<int64_t>(elements.size()));
  ASSIGN_OR_RETURN(const std::vector<float> zeros, OfBlocks(graph, from, span));
  for (size_t i = 0; i < elements.size(); ++i) {
    const int64_t place = places.Of(first + static_cast<int64_t>(i));
    elements[i] -= zeros[static_cast<size_t>(place - span.first)];
  }
  return absl::OkStatus();
}

absl::Status DequantiseBlocks(const Graph& graph, const Constant& constant,
                              int64_t first, std::span<float> elements) {
  if (elements.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(SubtractZeros(graph, constant, first, elements));
  const Constant& from =
      graph.constants[static_cast<size_t>(constant.blocks->scales)];
  const BlockPlaces places(constant, from.element_count());
  const auto span = places.Span(first, static_cast<int64_t>(elements.size()));
  ASSIGN_OR_RETURN(const std::vector<float> scales,
                   OfBlocks(graph, from, span));
  for (size_t i = 0; i < elements.size(); ++i) {
    const int64_t place = places.Of(first + static_cast<int64_t>(i));
    elements[i] *= scales[static_cast<size_t>(place - span.first)];
  }
  return absl::OkStatus();
}

}  // namespace

int64_t Constant::element_count() const { return CountOf(shape); }

uint64_t Constant::bytes() const {
  const auto count = static_cast<uint64_t>(element_count());
  const auto parts = static_cast<uint64_t>(per_byte);
  return (count * SizeOf(dtype) + parts - 1) / parts;
}

uint64_t Constant::held_bytes() const {
  return held.size() + scales.size() * sizeof(scales[0]) +
         zero_points.size() * sizeof(zero_points[0]);
}

std::string Printable(std::string_view name) {
  return absl::CHexEscape(std::string(name.substr(0, 200)));
}

std::string Describe(const Node& node) {
  return absl::StrFormat("node \"%s\" (%s, opset %d)", Printable(node.name),
                         Printable(node.op_type), node.opset);
}

Constant IntConstant(DataType dtype, std::vector<int64_t> shape,
                     const std::vector<int64_t>& elements) {
  Constant constant;
  constant.dtype = dtype;
  constant.shape = std::move(shape);
  constant.held.resize(constant.bytes());
  StoreElements(std::span(elements), dtype, constant.held.data());
  return constant;
}

Constant Nothing(DataType dtype, std::vector<int64_t> shape) {
  return IntConstant(dtype, std::move(shape), {});
}

int Graph::AddValue(std::string value_name) {
  values.emplace_back();
  values.back().name = std::move(value_name);
  return static_cast<int>(values.size()) - 1;
}

void Graph::SetConstant(int value, Constant constant) {
  Value& known = values[static_cast<size_t>(value)];
  known.dtype = constant.dtype;
  known.shape = constant.shape;
  known.constant = static_cast<int>(constants.size());
  constants.push_back(std::move(constant));
}

absl::Status Graph::ReadF32(const Constant& constant, int64_t first,
                            std::span<float> out) const {
  if (constant.dtype != DataType::kF32) {
    RETURN_IF_ERROR(FetchConverted(*this, constant, first, out));
    if (constant.blocks) {
      return DequantiseBlocks(*this, constant, first, out);
    }
    if (!constant.scales.empty()) Dequantise(constant, first, out);
    return absl::OkStatus();
  }
  return Fetch(*this, constant, static_cast<uint64_t>(first) * sizeof(float),
               std::as_writable_bytes(out));
}

absl::StatusOr<std::vector<int64_t>> Graph::ReadI64(
    const Constant& constant) const {
  if (IsFloating(constant.dtype) || constant.is_quantised()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a constant of %s stands where integers are needed",
                        NameOf(constant.dtype)));
  }
  std::vector<int64_t> elements(static_cast<size_t>(constant.element_count()));
  RETURN_IF_ERROR(
      FetchConverted(*this, constant, 0, std::span<int64_t>(elements)));
  return elements;
}

absl::StatusOr<std::vector<std::byte>> Graph::ReadBytes(
    const Constant& constant) const {
  std::vector<std::byte> bytes(static_cast<size_t>(constant.element_count()) *
                               SizeOf(constant.dtype));
  RETURN_IF_ERROR(constant.per_byte > 1
                      ? FetchWidened(*this, constant, 0, bytes)
                      : Fetch(*this, constant, 0, bytes));
  return bytes;
}

}  // namespace layerd
