#ifndef LAYERD_DAEMON_EXEC_PLACED_MODEL_H_
#define LAYERD_DAEMON_EXEC_PLACED_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "daemon/model/model.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/plan/table.h"
#include "kernels/backend.h"
#include "loader/memory/tile_cache.h"
#include "loader/weight_stream.h"

namespace layerd {

// What a part that looks rows up needs to know.
struct PlacedLookup {
  Table table;
  TileCache* cache = nullptr;
  const TensorType* indices = nullptr;
  DataType from, to;  // Of the table's elements, and of the output's.
};

// A model at its place in the slab: the address of every operand of every part
// and of every resident extent, worked out once, so that a job only looks up.
//
// Ownership: keeps the model; the slab outlives it.
// Threading: the executor thread, once made.
class PlacedModel {
 public:
  // `arena` is that of the model's level; `decode` is scratch for weights.
  PlacedModel(std::shared_ptr<Model> model, const MemoryPlan::ModelMemory& plan,
              std::span<std::byte> slab, std::span<std::byte> arena,
              std::span<std::byte> decode);

  Model& model() const { return *model_; }
  const std::shared_ptr<Model>& shared_model() const { return model_; }
  size_t part_count() const { return model_->program().parts.size(); }

  // `weights`: of the part's extent; null if it has none.
  PartMemory MemoryOf(size_t part, const std::byte* weights) const;
  // That one is next: what is known of it is on its way from memory while the
  // part before it computes. There may be none.
  void Announce(size_t part) const;
  bool has_tables() const { return !caches_.empty(); }
  // Of the row that lies in the most tiles.
  size_t row_tiles_max() const;
  // Whether the part looks rows up in a table, and where.
  bool looks_up(size_t part) const {
    return model_->program().parts[part].table.has_value();
  }
  const PlacedLookup& lookup(size_t part) const {
    return lookups_[lookup_of_part_[part]];
  }
  // For devices that keep weights of their own: a part was enqueued, so the
  // device has those of its read; or a ticket failed, and it may have none.
  void NoteEnqueued(size_t part);
  void ForgetEnqueued();
  // Whose last part this is.
  std::span<const uint32_t> ReadsDoneAfter(size_t part) const;
  std::span<std::byte> input(size_t i) const { return inputs_[i]; }
  std::span<const std::byte> output(size_t i) const { return outputs_[i]; }

  // For the loader, while a job is on.
  std::span<const StreamRead> reads() const { return reads_; }
  // Read `i` was waited for and came. If it stays, no later job reads it.
  void NoteArrived(size_t i) { arrived_[i] = true; }
  // Makes that true. REQUIRES: no job of this model is on.
  void KeepArrived();
  // By extent: it is resident, and its bytes are there.
  std::vector<bool> PresentExtents() const;
  // Those are there from the start, where they are resident here as well.
  // REQUIRES: no job of this model is on.
  void TakeOver(const std::vector<bool>& present_extents);

 private:
  struct Operands {  // Of a part, in the two lists of pointers.
    size_t inputs_first, inputs_count;
    size_t outputs_first, outputs_count;
  };

  void PlaceOperands(const MemoryPlan::ModelMemory& plan,
                     std::span<std::byte> arena);
  void PlaceReads(const MemoryPlan::ModelMemory& plan,
                  std::span<std::byte> slab);
  void PlaceTables(const MemoryPlan::ModelMemory& plan,
                   std::span<std::byte> slab);
  void FindLastParts();

  std::shared_ptr<Model> model_;
  std::vector<const std::byte*> input_pointers_;
  std::vector<std::byte*> output_pointers_;
  std::vector<Operands> operands_;  // One for each part.
  std::byte* scratch_ = nullptr;
  std::byte* decode_ = nullptr;
  std::vector<std::span<std::byte>> inputs_, outputs_;
  std::vector<StreamRead> reads_;
  std::vector<bool> arrived_;
  std::vector<std::unique_ptr<TileCache>> caches_;  // As the plan's tables.
  std::vector<PlacedLookup> lookups_;
  std::vector<size_t> lookup_of_part_;  // 0 where there is none.
  std::vector<bool> enqueued_;
  // Reads of one resident extent share the first one's mark in enqueued_.
  std::vector<uint32_t> mark_of_read_;
  std::vector<uint32_t> reads_by_last_part_;
  std::vector<size_t>
      first_read_of_part_;  // In the above; one more at the end.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_EXEC_PLACED_MODEL_H_
