#ifndef LAYERD_KERNELS_CPU_WEIGHT_DECODER_H_
#define LAYERD_KERNELS_CPU_WEIGHT_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/decode_rows.h"

namespace layerd::cpu {

// Decodes the weights of a narrow part into scratch, at the speed of memory, on
// the threads that compute.
//
// Why scratch and not once for all: a part's decoded weights are small enough
// to stay in the cache until they are used, so the library finds them there,
// where resident F32 would come from memory. Decoding costs about what is
// saved by reading less. Tiles decode as they multiply (tile.h), and only ask
// where what lies.
//
// Every element stays in its place, padding included, so without scales this
// is one run. With scales, the layout is taken apart once into segments of
// rows: in a row each lane has its own channel and so its own scale, and all
// rows of a segment have the same. `[O/64][I][64 o]` has O/64 segments of I
// rows of 64 lanes; `[O][I]` has O segments of I rows of one lane.
//
// Threading: Decode() on one thread at a time; it forks and joins once.
class WeightDecoder {
 public:
  // REQUIRES: `stored` passed CheckPlacedPart() and IsNarrow().
  explicit WeightDecoder(const PartSpec& stored,
                         const DecodeRows& rows = *AllDecodeRows().front());

  // Of DecodedSpec(stored), and what Decode() writes.
  uint64_t decoded_bytes() const { return decoded_bytes_; }

  // Allocates nothing.
  void Decode(const std::byte* extent, std::byte* decoded) const;

  // For kernels that decode while they compute: what is narrow of an extent,
  // its scales or null, and copying all that is not.
  DataType dtype() const { return dtype_; }
  bool is_scaled() const { return scales_offset_bytes_.has_value(); }
  const std::byte* KernelIn(const std::byte* extent) const {
    return extent + kernel_offset_bytes_;
  }
  const float* ScalesIn(const std::byte* extent) const;
  void CopyOthers(const std::byte* extent, std::byte* decoded) const;

 private:
  // One loop over the memory of a layout, from the outermost to the innermost.
  struct Digit {
    int64_t count = 1;
    int64_t stride = 1;        // In elements.
    int64_t channel_step = 0;  // Output channels from one to the next.
  };
  struct Place {
    int64_t position = 0;
    int64_t channel = 0;
  };
  struct Copy {
    uint64_t from_bytes, to_bytes, bytes;
  };

  // The second of a GRU: never scaled.
  struct Kernel {
    uint64_t from_bytes, to_bytes;
    int64_t elements;
  };

  static std::vector<Digit> DigitsOf(const PartSpec& stored);
  void TakeApart(std::vector<Digit> digits);
  Place PlaceOf(int64_t segment) const;
  void DecodeFlat(const std::byte* kernel, float* to, int64_t begin,
                  int64_t end) const;
  void DecodeScaled(const std::byte* kernel, const float* scales, float* to,
                    int64_t begin, int64_t end) const;
  void DecodeLanes(const std::byte* kernel, float* to, int64_t rows,
                   const float* scales) const;

  const DecodeRows* rows_;
  DataType dtype_;
  int64_t elements_ = 0;  // Padding included.
  int64_t channels_ = 0;
  uint64_t decoded_bytes_ = 0;
  uint64_t kernel_offset_bytes_ = 0;
  std::optional<uint64_t> scales_offset_bytes_;
  std::vector<Kernel> others_;
  std::vector<Copy> copies_;  // What is F32 already.

  std::vector<Digit> outer_;  // Of the segments.
  int64_t segments_ = 1;
  int64_t segment_rows_ = 1;
  int64_t lanes_ = 1;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_WEIGHT_DECODER_H_
