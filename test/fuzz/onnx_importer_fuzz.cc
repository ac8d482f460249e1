// Can a model that someone else made break the importer, or take it out of the
// model's folder?
//
// The input is the file. Beside it lies w.bin, 4 KiB, for external data.

#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/check.h"
#include "daemon/pack/import/onnx_importer.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

std::string PathOf(const SourceFile& file) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(file.fd.get());
  const ssize_t length = readlink(link.c_str(), path, sizeof(path));
  LAYERD_CHECK(length > 0);
  return std::string(path, static_cast<size_t>(length));
}

void CheckEdges(const Graph& graph, const std::vector<int>& edges) {
  for (const int edge : edges) {
    LAYERD_CHECK(edge >= kAbsent);
    LAYERD_CHECK(edge < static_cast<int>(graph.values.size()));
  }
}

// What passes rely on.
void CheckGraph(const Graph& graph) {
  std::vector<bool> is_written(graph.values.size(), false);
  for (const int input : graph.inputs)
    is_written[static_cast<size_t>(input)] = true;
  for (const Value& value : graph.values) {
    LAYERD_CHECK(value.dtype && value.shape);
    for (const int64_t dimension : *value.shape) LAYERD_CHECK(dimension >= 0);
  }
  for (const Node& node : graph.nodes) {
    LAYERD_CHECK(!node.name.empty() && !node.outputs.empty());
    CheckEdges(graph, node.inputs);
    CheckEdges(graph, node.outputs);
    for (const int input : node.inputs) {
      if (input == kAbsent) continue;
      const auto at = static_cast<size_t>(input);
      LAYERD_CHECK(is_written[at] || graph.values[at].constant >= 0);
    }
    for (const int output : node.outputs) {
      if (output == kAbsent) continue;
      const auto at = static_cast<size_t>(output);
      const Value& value = graph.values[at];
      LAYERD_CHECK(!is_written[at] && value.constant < 0);
      for (const int64_t dimension : *value.shape) LAYERD_CHECK(dimension > 0);
      is_written[at] = true;
    }
  }
  for (const int output : graph.outputs) {
    // What has no elements is a constant, and nobody writes it.
    const int constant = graph.values[static_cast<size_t>(output)].constant;
    LAYERD_CHECK(
        is_written[static_cast<size_t>(output)] ||
        (constant >= 0 &&
         graph.constants[static_cast<size_t>(constant)].element_count() == 0));
  }
}

// Every element is there.
void ReadConstants(const Graph& graph) {
  for (const Constant& constant : graph.constants) {
    LAYERD_CHECK(constant.bytes() <= 64 << 20);
    LAYERD_CHECK(constant.file >= 0 ||
                 constant.held.size() == constant.bytes());
    std::vector<float> elements(static_cast<size_t>(constant.element_count()));
    LAYERD_CHECK(graph.ReadF32(constant, 0, elements).ok());
  }
}

void Import(std::string_view bytes) {
  static const ScratchFolder folder;
  static const bool has_weights = [] {
    WriteFile(folder / "w.bin", std::string(4096, '\1'));
    return true;
  }();
  LAYERD_CHECK(has_weights);
  const std::string path = folder / "model.onnx";
  WriteFile(path, std::string(bytes));
  const auto graph = ImportOnnx(path, {{"x", {1, 3, 8, 8}}});
  const auto asis = ImportOnnx(path, {});
  for (const auto* imported : {&graph, &asis}) {
    if (!imported->ok()) continue;
    for (const auto& file : (*imported)->files) {
      LAYERD_CHECK(PathOf(*file).starts_with(folder.path() + "/"));
    }
    CheckGraph(**imported);
    ReadConstants(**imported);
  }
}

}  // namespace
}  // namespace layerd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  layerd::Import(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
