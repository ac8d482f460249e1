#ifndef LAYERD_KERNELS_REFERENCE_PLAIN_DECODER_H_
#define LAYERD_KERNELS_REFERENCE_PLAIN_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/backend.h"
#include "kernels/reference/loops.h"

namespace layerd {

// Decodes the weights of a narrow part, element by element: the oracle of all
// that decode faster.
class PlainDecoder {
 public:
  // REQUIRES: `stored` passed CheckPlacedPart() and IsNarrow().
  explicit PlainDecoder(const PartSpec& stored);

  // Of DecodedSpec(stored), and what decode() writes.
  uint64_t decoded_bytes() const { return decoded_bytes_; }

  // What lies between the elements is not written. Allocates nothing.
  void Decode(const std::byte* extent, std::byte* decoded) const;

 private:
  void DecodeKernel(size_t w, const std::byte* kernel, const std::byte* extent,
                    float* to) const;
  float StoredAt(const std::byte* kernel, int64_t position) const;

  PartSpec stored_, decoded_;
  uint64_t decoded_bytes_;
  std::vector<reference::PlacedWeights> places_;  // Of each kernel.
  std::optional<size_t> scales_;                  // Among the stored weights.
};

}  // namespace layerd

#endif  // LAYERD_KERNELS_REFERENCE_PLAIN_DECODER_H_
