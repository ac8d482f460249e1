#ifndef LAYERD_DAEMON_PACK_ONNX_WIRE_READER_H_
#define LAYERD_DAEMON_PACK_ONNX_WIRE_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {

// A file seen through one window that follows the reader: 64 KiB, whatever the
// size of the file.
class FileWindow {
 public:
  // `file` is a loan for the window's life.
  explicit FileWindow(const SourceFile* file) : file_(file) {}

  const SourceFile& file() const { return *file_; }

  // REQUIRES: [offset, offset + out.size()) lies in the file.
  absl::Status Read(uint64_t offset_bytes, std::span<std::byte> out);

 private:
  const SourceFile* file_;
  std::vector<std::byte> window_;
  uint64_t begin_bytes_ = 0;
};

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kFixed32 = 5,
};

// One field of a protobuf message. Of bytes only the place is known: they may
// be gigabytes of weights.
struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;         // Of a varint or fixed field: its bits.
  uint64_t offset_bytes = 0;  // Of bytes: where in the file.
  uint64_t bytes = 0;
};

// Pulls the fields of one message out of a file, by the wire format alone.
//
// Why not the generated parser: it would hold the weights. Fields of bytes are
// skipped by their length, so a file is scanned by reading its structure only.
//
// Errors: INVALID_ARGUMENT with the offset, for a field that reaches past its
//         message, a varint without end, a group, or field number 0.
// Ownership: the window is a loan. Readers of nested messages share it.
class WireReader {
 public:
  // The whole file.
  explicit WireReader(FileWindow* window)
      : WireReader(window, 0, window->file().bytes) {}

  // The message, or packed scalars, in `field`.
  // REQUIRES: field.type is kBytes.
  WireReader Within(const WireField& field) const;

  uint64_t offset_bytes() const { return at_bytes_; }
  bool AtEnd() const { return at_bytes_ == end_bytes_; }
  FileWindow* window() const { return window_; }

  // REQUIRES: !AtEnd()
  absl::StatusOr<WireField> Next();

  // For packed scalars.
  absl::StatusOr<uint64_t> NextVarint();
  absl::StatusOr<uint64_t> NextFixed(int bytes);

  // Errors: INVALID_ARGUMENT if `field` is longer than `bytes_max` or is no
  //         bytes; `what` is for the message.
  absl::StatusOr<std::string> ReadString(const WireField& field,
                                         uint64_t bytes_max, const char* what);

 private:
  WireReader(FileWindow* window, uint64_t begin_bytes, uint64_t end_bytes)
      : window_(window), at_bytes_(begin_bytes), end_bytes_(end_bytes) {}

  absl::Status Malformed(const char* why) const;

  FileWindow* window_;
  uint64_t at_bytes_;
  uint64_t end_bytes_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_WIRE_READER_H_
