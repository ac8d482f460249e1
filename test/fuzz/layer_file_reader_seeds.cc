// Writes the inputs that layer_file_reader_fuzz begins with into a folder.

#include <string>

#include "daemon/model/random_model.h"
#include "daemon/plan/program.h"
#include "loader/store/forged_file.h"
#include "test/fuzz/seed_folder.h"

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

manifest::Manifest ManifestOf(const Program& program) {
  manifest::Manifest manifest;
  program.WriteTo(&manifest);
  return manifest;
}

// A program that passes every check, its weights stored as `dtype`.
manifest::Manifest SoundManifest(DataType dtype) {
  RandomModel model(2, 3);
  if (dtype != DataType::kF32) model.StoreAs(dtype);
  return ManifestOf(model.program);
}

// Three rows of a table are looked up.
manifest::Manifest LookUpManifest() {
  Program program;
  program.buffers = {{24}, {48}};
  program.tensors = {{"numbers", {DataType::kI64, {3}, {1}}, 0, 0},
                     {"rows", {DataType::kF32, {3, 4}, {4, 1}}, 1, 0}};
  program.inputs = {0};
  program.outputs = {1};
  program.layers = {{"lookup", Gather{}, {0}, {1}}};
  program.extents = {{0, 16384, 4096}};
  Part& part = program.parts.emplace_back();
  part.channels = part.rows = {0, 1};
  part.table = 0;
  part.weights = {{WeightLayout::Plain(DataType::kF32, {1000, 4}), 0}};
  return ManifestOf(program);
}

// Byte 0 as layer_file_reader_fuzz.cc reads it, the superblock's fields, the
// manifest.
std::string Input(char wishes, const ForgedFile& file) {
  const std::string head = file.Head();
  return wishes + head.substr(8, 40) + file.manifest;
}

}  // namespace

void WriteSeeds(const SeedFolder& folder) {
  const auto small = ForgedFile::Of(SmallManifest(), 4096);
  const auto empty = ForgedFile::Of(manifest::Manifest(), 4096);
  folder.Write("small", Input(0, small));
  folder.Write("own_sizes", Input(2, small));
  folder.Write("odd_padding", Input(4, small));
  folder.Write("cut", Input(8, small));
  folder.Write("no_weights", Input(0, empty));
  for (const DataType dtype : {DataType::kF32, DataType::kF16, DataType::kI8}) {
    folder.Write(NameOf(dtype),
                 Input(0, ForgedFile::Of(SoundManifest(dtype), 4096)));
  }
  folder.Write("look_up", Input(0, ForgedFile::Of(LookUpManifest(), 4096)));
  for (uint32_t seed = 0; seed < 8; ++seed) {
    const manifest::Manifest manifest = ManifestOf(RandomModel(seed).program);
    folder.Write("random" + std::to_string(seed),
                 Input(0, ForgedFile::Of(manifest, 4096)));
  }
  folder.Write("as_it_is", '\1' + empty.Bytes());
}

}  // namespace layerd
