#include "daemon/ctl/npy.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
constexpr size_t kAlignmentBytes = 64;  // Of the first element in the file.
constexpr size_t kHeaderBytesMax = 64 << 10;
constexpr uint64_t kFileBytesMax = uint64_t{4} << 30;

// The words of the format, those it has for us.
constexpr struct {
  const char* word;
  DataType dtype;
} kTypes[] = {
    {"|b1", DataType::kBool}, {"|u1", DataType::kU8},  {"<u2", DataType::kU16},
    {"<u4", DataType::kU32},  {"<u8", DataType::kU64}, {"|i1", DataType::kI8},
    {"<i2", DataType::kI16},  {"<i4", DataType::kI32}, {"<i8", DataType::kI64},
    {"<f2", DataType::kF16},  {"<f4", DataType::kF32}, {"<f8", DataType::kF64},
};

// A Python literal like
//     {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }
// read from left to right. What is not as it must be is an error that tells
// the place.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  void SkipSpaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  bool Skip(char c) {
    SkipSpaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::Status Expect(char c) {
    return Skip(c) ? absl::OkStatus() : Wrong(absl::StrFormat("'%c'", c));
  }

  absl::StatusOr<std::string> Quoted() {
    const char quote = Skip('\'') ? '\'' : Skip('"') ? '"' : '\0';
    const size_t end =
        quote == '\0' ? std::string_view::npos : text_.find(quote, at_);
    if (end == std::string_view::npos) return Wrong("a string");
    std::string text(text_.substr(at_, end - at_));
    at_ = end + 1;
    return text;
  }

  absl::StatusOr<bool> Bool() {
    SkipSpaces();
    for (const auto& [word, value] :
         {std::pair<std::string_view, bool>("True", true), {"False", false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    return Wrong("True or False");
  }

  absl::StatusOr<int64_t> Size() {
    SkipSpaces();
    const size_t first = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    int64_t size = 0;
    const std::string digits(text_.substr(first, at_ - first));
    if (!absl::SimpleAtoi(digits, &size)) return Wrong("a dimension");
    return size;
  }

  absl::StatusOr<std::vector<int64_t>> Shape() {
    RETURN_IF_ERROR(Expect('('));
    std::vector<int64_t> shape;
    while (!Skip(')')) {
      if (shape.size() == kRankMax) {
        return UsageError(absl::StrFormat("more than %d dimensions", kRankMax));
      }
      ASSIGN_OR_RETURN(const int64_t size, Size());
      shape.push_back(size);
      if (Skip(',')) continue;
      RETURN_IF_ERROR(Expect(')'));
      break;
    }
    return shape;
  }

  absl::Status ExpectEnd() {
    SkipSpaces();
    return at_ == text_.size() ? absl::OkStatus() : Wrong("its end");
  }

  absl::Status Wrong(const std::string& expected) const {
    return UsageError(
        absl::StrFormat("header: expected %s at character %d", expected, at_));
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

struct Header {
  std::optional<std::string> type_word;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

absl::Status ReadEntry(HeaderReader* reader, Header* header) {
  ASSIGN_OR_RETURN(const std::string key, reader->Quoted());
  RETURN_IF_ERROR(reader->Expect(':'));
  if (key == "descr" && !header->type_word) {
    ASSIGN_OR_RETURN(header->type_word, reader->Quoted());
  } else if (key == "fortran_order" && !header->fortran_order) {
    ASSIGN_OR_RETURN(header->fortran_order, reader->Bool());
  } else if (key == "shape" && !header->shape) {
    ASSIGN_OR_RETURN(header->shape, reader->Shape());
  } else {
    return UsageError("header: expected descr, fortran_order, shape once each");
  }
  return absl::OkStatus();
}

absl::StatusOr<Header> ParseHeader(std::string_view text) {
  HeaderReader reader(text);
  Header header;
  RETURN_IF_ERROR(reader.Expect('{'));
  while (!reader.Skip('}')) {
    RETURN_IF_ERROR(ReadEntry(&reader, &header));
    if (reader.Skip(',')) continue;
    RETURN_IF_ERROR(reader.Expect('}'));
    break;
  }
  RETURN_IF_ERROR(reader.ExpectEnd());
  if (!header.type_word || !header.fortran_order || !header.shape) {
    return UsageError("header: expected descr, fortran_order, shape once each");
  }
  return header;
}

absl::StatusOr<DataType> TypeOf(const std::string& word) {
  for (const auto& [known, dtype] : kTypes) {
    // One byte has no order, and some write it all the same.
    if (word == known || (SizeOf(dtype) == 1 && word.size() == 3 &&
                          word.substr(1) == known + 1 && word[0] == '<')) {
      return dtype;
    }
  }
  return UsageError(absl::StrFormat(
      "datatype '%s' is not taken; a little-endian bool, integer or float is "
      "(|b1, |u1, |i1, <u2, <i2, <f2, ... <f8)",
      word));
}

absl::StatusOr<Array> ArrayOf(const Header& header) {
  Array array;
  ASSIGN_OR_RETURN(array.dtype, TypeOf(*header.type_word));
  if (*header.fortran_order) {
    return UsageError(
        "the elements are in Fortran order; save numpy.ascontiguousarray()");
  }
  array.shape = *header.shape;
  return array;
}

// Where the header is in the file; its length stands before it.
absl::StatusOr<std::string_view> FindHeader(std::string_view contents) {
  if (contents.substr(0, kMagicBytes) !=
      std::string_view(kMagic, kMagicBytes)) {
    return UsageError("is no .npy file");
  }
  const auto byte = [&contents](size_t i) -> size_t {
    return i < contents.size() ? static_cast<unsigned char>(contents[i]) : 0;
  };
  const size_t version = byte(kMagicBytes);
  if (version < 1 || version > 3) {
    return UsageError(
        absl::StrFormat("is of format version %d, expected 1 to 3", version));
  }
  const size_t first = version == 1 ? 10 : 12;
  size_t bytes = byte(8) | byte(9) << 8;
  if (version > 1) bytes |= byte(10) << 16 | byte(11) << 24;
  if (bytes > kHeaderBytesMax) {
    return UsageError(absl::StrFormat("header: %d bytes, at most %d are taken",
                                      bytes, kHeaderBytesMax));
  }
  if (contents.size() < first + bytes) {
    return UsageError("is cut off inside its header");
  }
  return contents.substr(first, bytes);
}

absl::Status CheckBytes(const Array& array, size_t got) {
  const TensorType type{array.dtype, array.shape, PlainStrides(array.shape)};
  const int64_t elements = type.element_count();
  int64_t bytes = 0;
  if (__builtin_mul_overflow(elements, int64_t(SizeOf(array.dtype)), &bytes) ||
      static_cast<uint64_t>(bytes) != got) {
    return UsageError(
        absl::StrFormat("%d bytes of elements follow the header, which says %s",
                        got, ToString(type)));
  }
  return absl::OkStatus();
}

absl::Status CheckBools(const Array& array) {
  if (array.dtype != DataType::kBool) return absl::OkStatus();
  for (const char c : array.bytes) {
    if (c != 0 && c != 1) {
      return UsageError(absl::StrFormat("bool element with the byte %d",
                                        static_cast<unsigned char>(c)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Array> ParseContents(std::string_view contents) {
  ASSIGN_OR_RETURN(const std::string_view text, FindHeader(contents));
  ASSIGN_OR_RETURN(const Header header, ParseHeader(text));
  ASSIGN_OR_RETURN(Array array, ArrayOf(header));
  contents.remove_prefix(text.data() + text.size() - contents.data());
  RETURN_IF_ERROR(CheckBytes(array, contents.size()));
  array.bytes = contents;
  RETURN_IF_ERROR(CheckBools(array));
  return array;
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  struct stat there;
  if (stat(path.c_str(), &there) != 0) {
    return UsageError(std::string(absl::ErrnoToStatus(errno, path).message()));
  }
  if (!S_ISREG(there.st_mode)) {
    return UsageError(absl::StrCat(path, ": is no regular file"));
  }
  const uint64_t bytes = static_cast<uint64_t>(there.st_size);
  if (bytes > kFileBytesMax) {
    return UsageError(absl::StrFormat("%s: %d bytes, at most %d are taken",
                                      path, bytes, kFileBytesMax));
  }
  std::string contents(bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(contents.data(), static_cast<std::streamsize>(bytes))) {
    return UsageError(absl::StrCat(path, ": cannot be read"));
  }
  return contents;
}

std::string ShapeWord(const std::vector<int64_t>& shape) {
  std::string word = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    absl::StrAppend(&word, i == 0 ? "" : ", ", shape[i]);
  }
  return absl::StrCat(word, shape.size() == 1 ? ",)" : ")");
}

}  // namespace

absl::StatusOr<Array> ParseNpy(std::string_view contents,
                               const std::string& path) {
  absl::StatusOr<Array> array = ParseContents(contents);
  if (array.ok()) return array;
  return UsageError(
      absl::StrCat(path, ": ", std::string(array.status().message())));
}

absl::StatusOr<Array> ReadNpy(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string contents, ReadWhole(path));
  return ParseNpy(contents, path);
}

absl::StatusOr<std::string> FormatNpy(const Array& array) {
  const char* type_word = nullptr;
  for (const auto& [word, dtype] : kTypes) {
    if (dtype == array.dtype) type_word = word;
  }
  if (type_word == nullptr) {
    return absl::UnimplementedError(absl::StrFormat(
        "a .npy file has no word for the datatype %s", NameOf(array.dtype)));
  }
  std::string header =
      absl::StrFormat("{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                      type_word, ShapeWord(array.shape));
  const size_t before = kMagicBytes + 4;
  const size_t unaligned = (before + header.size() + 1) % kAlignmentBytes;
  header.append((kAlignmentBytes - unaligned) % kAlignmentBytes, ' ');
  header += '\n';
  std::string file(kMagic, kMagicBytes);
  file += '\x01';
  file += '\0';
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  return absl::StrCat(file, header, array.bytes);
}

absl::Status WriteNpy(const std::string& path, const Array& array) {
  ASSIGN_OR_RETURN(const std::string contents, FormatNpy(array));
  return WriteResult(path, contents);
}

}  // namespace layerd
