#include "test/gpu/device_model.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "daemon/model/random_model.h"

namespace layerd {
namespace {

// The elements of one piece in another order.
std::vector<std::byte> Relaid(const std::byte* from, const WeightLayout& old,
                              const WeightLayout& wanted) {
  const size_t size = SizeOf(old.dtype);
  std::vector<std::byte> to(wanted.bytes());
  std::vector<int64_t> index(old.shape.size(), 0);
  for (size_t i = 0; i < to.size(); i += size) {
    std::copy_n(from + old.PositionOf(index) * size, size,
                &to[wanted.PositionOf(index) * size]);
    for (size_t d = index.size(); d-- > 0;) {
      if (++index[d] < old.shape[d]) break;
      index[d] = 0;
    }
  }
  return to;
}

void RelayFor(const Backend& backend, RandomModel* model) {
  Program& program = model->program;
  std::vector<bool> done(program.extents.size(), false);
  for (Part& part : program.parts) {
    if (!part.read) continue;
    const uint32_t extent = program.reads[*part.read];
    const auto wanted = backend.WeightLayouts(program.SpecOf(part));
    LAYERD_CHECK(wanted.ok(), std::string(wanted.status().message()));
    for (size_t i = 0; i < wanted->size(); ++i) {
      WeightPiece& piece = part.weights[i];
      std::byte* const at = model->extents[extent].data() + piece.offset_bytes;
      if (!done[extent]) {
        const auto to = Relaid(at, piece.layout, (*wanted)[i]);
        std::copy(to.begin(), to.end(), at);
      }
      piece.layout = (*wanted)[i];
    }
    done[extent] = true;
  }
}

}  // namespace

std::string TestFile(const std::string& name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return (std::filesystem::path(folder ? folder : ".") / name).string();
}

std::string WriteDeviceModel(uint32_t seed, size_t layers, bool half,
                             const Backend& backend) {
  RandomModel model(seed, layers);
  if (seed % 4 == 1) model.StoreAs(DataType::kF16);
  if (seed % 4 == 2) model.StoreAs(DataType::kI8);
  if (half) model.ComputeInHalf();
  RelayFor(backend, &model);
  const std::string path = TestFile(absl::StrCat(
      "random_", seed, "_", layers, half ? "_f16" : "", ".layers"));
  model.Write(path, backend.key());
  return path;
}

}  // namespace layerd
