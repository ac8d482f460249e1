#include "daemon/exec/placed_model.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "config/check.h"

namespace layerd {

namespace {

constexpr size_t kLineBytes = 64;
// Of a kernel, that are read whenever it runs.
constexpr size_t kKernelBytes = 1024;

void Prefetch(const void* from, size_t bytes) {
  const auto* line = static_cast<const std::byte*>(from);
  for (size_t at = 0; at < bytes; at += kLineBytes) {
    __builtin_prefetch(line + at);
  }
}

}  // namespace

PlacedModel::PlacedModel(std::shared_ptr<Model> model,
                         const MemoryPlan::ModelMemory& plan,
                         std::span<std::byte> slab, std::span<std::byte> arena,
                         std::span<std::byte> decode)
    : model_(std::move(model)), decode_(decode.data()) {
  LAYERD_CHECK(plan.arena.bytes <= arena.size());
  LAYERD_CHECK(model_->decode_bytes() <= decode.size());
  PlaceOperands(plan, arena);
  PlaceReads(plan, slab);
  PlaceTables(plan, slab);
  FindLastParts();
}

PartMemory PlacedModel::MemoryOf(size_t part, const std::byte* weights) const {
  const Program& program = model_->program();
  const auto read = program.parts[part].read;
  const Operands& of = operands_[part];
  return {
      .inputs = {input_pointers_.data() + of.inputs_first, of.inputs_count},
      .weights = weights,
      .outputs = {output_pointers_.data() + of.outputs_first, of.outputs_count},
      .scratch = scratch_,
      .decoded = decode_,
      .weights_bytes =
          read ? program.extents[program.reads[*read]].stored_bytes : 0,
      .weights_are_new = !read || !enqueued_[mark_of_read_[*read]]};
}

void PlacedModel::Announce(size_t part) const {
  if (part >= part_count()) return;
  Prefetch(&model_->program().parts[part], sizeof(Part));
  Prefetch(&operands_[part], sizeof(Operands));
  Prefetch(&model_->kernel(part), kKernelBytes);
}

size_t PlacedModel::row_tiles_max() const {
  size_t most = 0;
  for (const PlacedLookup& lookup : lookups_) {
    most = std::max<size_t>(most, lookup.table.tiles_per_row_max());
  }
  return most;
}

void PlacedModel::NoteEnqueued(size_t part) {
  const auto read = model_->program().parts[part].read;
  if (read) enqueued_[mark_of_read_[*read]] = true;
}

void PlacedModel::ForgetEnqueued() {
  std::fill(enqueued_.begin(), enqueued_.end(), false);
}

std::span<const uint32_t> PlacedModel::ReadsDoneAfter(size_t part) const {
  const size_t first = first_read_of_part_[part];
  return {reads_by_last_part_.data() + first,
          first_read_of_part_[part + 1] - first};
}

void PlacedModel::KeepArrived() {
  for (size_t i = 0; i < reads_.size(); ++i) {
    if (arrived_[i] && !reads_[i].resident.empty()) reads_[i].present = true;
    arrived_[i] = false;
    if (reads_[i].resident.empty()) enqueued_[i] = false;
  }
}

std::vector<bool> PlacedModel::PresentExtents() const {
  std::vector<bool> present(model_->program().extents.size(), false);
  std::vector<bool> seen = present;
  for (const StreamRead& read : reads_) {
    // A later read of an extent counts as present before the first has come.
    if (!seen[read.extent]) present[read.extent] = read.present;
    seen[read.extent] = true;
  }
  return present;
}

void PlacedModel::TakeOver(const std::vector<bool>& present_extents) {
  for (StreamRead& read : reads_) {
    if (!read.resident.empty() && present_extents[read.extent]) {
      read.present = true;
    }
  }
}

void PlacedModel::PlaceOperands(const MemoryPlan::ModelMemory& plan,
                                std::span<std::byte> arena) {
  const Program& program = model_->program();
  auto address = [&](uint32_t tensor) {
    const Tensor& t = program.tensors[tensor];
    return arena.data() + plan.arena.buffer_offsets[t.buffer] + t.offset_bytes;
  };
  auto place = [&](const Program::Place& at) {
    return arena.data() + plan.arena.buffer_offsets[at.buffer] +
           at.offset_bytes;
  };
  for (const Part& part : program.parts) {
    const Program::Places places = program.PlacesOf(part);
    operands_.push_back({input_pointers_.size(), places.inputs.size(),
                         output_pointers_.size(), places.outputs.size()});
    for (const auto& at : places.inputs) input_pointers_.push_back(place(at));
    for (const auto& at : places.outputs) output_pointers_.push_back(place(at));
  }
  scratch_ = arena.data() + plan.arena.scratch_offset;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    inputs_.emplace_back(address(program.inputs[i]), model_->inputs()[i].bytes);
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    outputs_.emplace_back(address(program.outputs[i]),
                          model_->outputs()[i].bytes);
  }
}

void PlacedModel::PlaceReads(const MemoryPlan::ModelMemory& plan,
                             std::span<std::byte> slab) {
  const Program& program = model_->program();
  std::vector<bool> read_before(program.extents.size(), false);
  std::vector<uint32_t> first_read(program.extents.size());
  for (uint32_t extent : program.reads) {
    const auto index = static_cast<uint32_t>(reads_.size());
    StreamRead& read = reads_.emplace_back();
    read.extent = extent;
    if (!read_before[extent]) first_read[extent] = index;
    mark_of_read_.push_back(index);
    if (const auto offset = plan.resident_offsets[extent]) {
      read.resident =
          slab.subspan(*offset, program.extents[extent].stored_bytes);
      // Parts come in order: when this one's turn comes, the first read of the
      // same extent is there.
      read.present = read_before[extent];
      mark_of_read_.back() = first_read[extent];
    }
    read_before[extent] = true;
  }
  arrived_.resize(reads_.size(), false);
  enqueued_.resize(reads_.size(), false);
}

void PlacedModel::PlaceTables(const MemoryPlan::ModelMemory& plan,
                              std::span<std::byte> slab) {
  const Program& program = model_->program();
  std::map<uint32_t, TileCache*> cache_of;
  lookup_of_part_.resize(program.parts.size());
  for (size_t p = 0; p < program.parts.size(); ++p) {
    const Part& part = program.parts[p];
    if (!part.table) continue;
    const Table table = TableOf(program, part);
    TileCache*& cache = cache_of[table.extent];
    if (cache == nullptr) {
      const auto of_table =
          std::ranges::find(plan.tables, table.extent,
                            &MemoryPlan::ModelMemory::TableMemory::extent);
      LAYERD_CHECK(of_table != plan.tables.end());
      const SlabRange& range = of_table->cache;
      caches_.push_back(std::make_unique<TileCache>(
          slab.subspan(range.offset_bytes, range.bytes), table.tile_bytes,
          table.tile_count()));
      cache = caches_.back().get();
    }
    const Layer& layer = program.layers[part.layer];
    lookup_of_part_[p] = lookups_.size();
    lookups_.push_back({table, cache, &program.tensors[layer.inputs[0]].type,
                        part.weights[0].layout.dtype,
                        program.tensors[layer.outputs[0]].type.dtype});
  }
}

void PlacedModel::FindLastParts() {
  const std::vector<Part>& parts = model_->program().parts;
  std::vector<size_t> last(reads_.size(), 0);
  for (size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].read) last[*parts[part].read] = part;
  }
  reads_by_last_part_.resize(reads_.size());
  std::iota(reads_by_last_part_.begin(), reads_by_last_part_.end(), 0u);
  std::stable_sort(reads_by_last_part_.begin(), reads_by_last_part_.end(),
                   [&](uint32_t a, uint32_t b) { return last[a] < last[b]; });
  size_t read = 0;
  for (size_t part = 0; part <= parts.size(); ++part) {
    while (read < last.size() && last[reads_by_last_part_[read]] < part) {
      ++read;
    }
    first_read_of_part_.push_back(read);
  }
}

}  // namespace layerd
