// Writes the inputs that layer_file_reader_fuzz begins with into a folder.

#include <cstdio>
#include <fstream>
#include <string>

#include "daemon/model/random_model.h"
#include "loader/store/forged_file.h"

namespace layerd {
namespace {

manifest::Manifest SmallManifest() {
  manifest::Manifest manifest;
  manifest.mutable_identity()->set_name("seed");
  manifest.mutable_options()->add_shapes()->add_dimensions(1);
  manifest.add_tensors()->add_shape(4);
  manifest::Layer* layer = manifest.add_layers();
  layer->set_name("conv");
  layer->mutable_convolution()->mutable_activation()->set_kind(1);
  uint64_t offset_bytes = 0;
  for (const uint64_t stored_bytes : {4096, 12288, 8192}) {
    manifest::Extent* extent = manifest.add_extents();
    extent->set_offset_bytes(offset_bytes);
    extent->set_stored_bytes(stored_bytes);
    manifest.add_reads(manifest.extents_size() - 1);
    manifest::Part* part = manifest.add_parts();
    part->set_read(manifest.reads_size() - 1);
    part->add_weights()->mutable_layout()->add_shape(4);
    offset_bytes += stored_bytes;
  }
  return manifest;
}

// A program that passes every check, its weights stored as `dtype`.
manifest::Manifest SoundManifest(DataType dtype) {
  RandomModel model(2, 3);
  if (dtype != DataType::kF32) model.StoreAs(dtype);
  manifest::Manifest manifest;
  model.program.WriteTo(&manifest);
  return manifest;
}

// Byte 0 as layer_file_reader_fuzz.cc reads it, the superblock's fields, the
// manifest.
std::string Input(char wishes, const ForgedFile& file) {
  const std::string head = file.Head();
  return wishes + head.substr(8, 40) + file.manifest;
}

void Write(const std::string& folder, const char* name,
           const std::string& bytes) {
  std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  using layerd::ForgedFile;
  const auto small = ForgedFile::Of(layerd::SmallManifest(), 4096);
  const auto empty = ForgedFile::Of(layerd::manifest::Manifest(), 4096);
  layerd::Write(argv[1], "small", layerd::Input(0, small));
  layerd::Write(argv[1], "own_sizes", layerd::Input(2, small));
  layerd::Write(argv[1], "odd_padding", layerd::Input(4, small));
  layerd::Write(argv[1], "cut", layerd::Input(8, small));
  layerd::Write(argv[1], "no_weights", layerd::Input(0, empty));
  for (const layerd::DataType dtype :
       {layerd::DataType::kF32, layerd::DataType::kF16,
        layerd::DataType::kI8}) {
    layerd::Write(
        argv[1], layerd::NameOf(dtype),
        layerd::Input(0, ForgedFile::Of(layerd::SoundManifest(dtype), 4096)));
  }
  layerd::Write(argv[1], "as_it_is", '\1' + empty.Bytes());
  return 0;
}
