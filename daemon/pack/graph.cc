#include "daemon/pack/graph.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/element_type.h"
#include "daemon/pack/source_file.h"

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

// Bounded memory whatever the size: file -> chunk -> `out`.
template <typename To>
absl::Status FetchConverted(const Graph& graph, const Constant& constant,
                            int64_t first, std::span<To> out) {
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

}  // namespace

int64_t Constant::element_count() const {
  const std::optional<int64_t> count = ElementCount(shape);
  LAYERD_CHECK(count.has_value(), "a constant's shape was not checked");
  return *count;
}

uint64_t Constant::bytes() const {
  return static_cast<uint64_t>(element_count()) * SizeOf(dtype);
}

uint64_t Constant::held_bytes() const {
  return held.size() + scales.size() * sizeof(scales[0]) +
         zero_points.size() * sizeof(zero_points[0]);
}

std::string Describe(const Node& node) {
  return absl::StrFormat(
      "node \"%s\" (%s, opset %d)", absl::CHexEscape(node.name.substr(0, 200)),
      absl::CHexEscape(node.op_type.substr(0, 200)), node.opset);
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
    if (!constant.scales.empty()) Dequantise(constant, first, out);
    return absl::OkStatus();
  }
  return Fetch(*this, constant, static_cast<uint64_t>(first) * sizeof(float),
               std::as_writable_bytes(out));
}

absl::StatusOr<std::vector<int64_t>> Graph::ReadI64(
    const Constant& constant) const {
  if (IsFloating(constant.dtype) || !constant.scales.empty()) {
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
  std::vector<std::byte> bytes(constant.bytes());
  RETURN_IF_ERROR(Fetch(*this, constant, 0, bytes));
  return bytes;
}

}  // namespace layerd
