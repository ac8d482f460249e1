#include "daemon/pack/onnx/wire_reader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "test/catch/catch.h"

namespace layerd {
namespace {

struct Wire {
  explicit Wire(const std::string& bytes) : window(&file) {
    file.path = "m.onnx";
    file.fd = UniqueFd(memfd_create("wire", MFD_CLOEXEC));
    file.bytes = bytes.size();
    REQUIRE(write(file.fd.get(), bytes.data(), bytes.size()) ==
            static_cast<ssize_t>(bytes.size()));
  }
  SourceFile file;
  FileWindow window;
};

// clang-format off
TEST_CASE("Fields of every wire type come out with number and value") {
  Wire wire(std::string("\x08\x96\x01"
                        "\x11" "12345678"
                        "\x1a\x03" "abc"
                        "\xa5\x06" "abcd", 23));
  // clang-format on
  WireReader reader(&wire.window);

  const auto varint = reader.Next();
  REQUIRE(varint.ok());
  CHECK(varint->number == 1);
  CHECK(varint->value == 150);
  const auto fixed64 = reader.Next();
  REQUIRE(fixed64.ok());
  CHECK(fixed64->type == WireType::kFixed64);
  CHECK(fixed64->value == 0x3837363534333231);
  const auto bytes = reader.Next();
  REQUIRE(bytes.ok());
  CHECK(bytes->offset_bytes == 14);
  CHECK(*reader.ReadString(*bytes, 3, "name") == "abc");
  const auto fixed32 = reader.Next();
  REQUIRE(fixed32.ok());
  CHECK(fixed32->number == 100);
  CHECK(fixed32->value == 0x64636261);
  CHECK(reader.AtEnd());
}

TEST_CASE("A message that lies about itself is refused with the offset") {
  struct Row {
    const char* name;
    std::string bytes;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"cut varint", "\x08\x96", "at byte 1: a number without end"},
      {"eleven groups", "\x08" + std::string(10, '\x80') + "\x01",
       "more than 64 bits"},
      {"65 bits", "\x08" + std::string(9, '\x80') + "\x02",
       "more than 64 bits"},
      {"cut fixed32",
       "\x0d"
       "abc",
       "cut off"},
      {"cut fixed64",
       "\x09"
       "abc",
       "cut off"},
      {"long bytes",
       "\x0a\x05"
       "abcd",
       "reaches past the end"},
      {"huge bytes", "\x0a" + std::string(9, '\xff') + "\x01",
       "reaches past the end"},
      {"field 0", std::string("\x00\x01", 2), "no field number"},
      {"group", "\x0b\x0c", "unknown wire type"},
  }));
  INFO(row.name);
  Wire wire(row.bytes);
  WireReader reader(&wire.window);

  const auto field = reader.Next();

  REQUIRE(absl::IsInvalidArgument(field.status()));
  CHECK_THAT(std::string(field.status().message()),
             Catch::StartsWith("m.onnx: ") && Catch::Contains(row.message));
}

TEST_CASE("A nested message ends where it says, not where the file does") {
  Wire wire("\x0a\x02\x08\x96\x08\x01");
  WireReader reader(&wire.window);
  const auto nested = reader.Next();
  REQUIRE(nested.ok());

  CHECK(absl::IsInvalidArgument(reader.Within(*nested).Next().status()));
  CHECK(reader.Next()->value == 1);
}

TEST_CASE("A string longer than its bound is refused by name") {
  Wire wire(
      "\x0a\x04"
      "abcd");
  WireReader reader(&wire.window);
  const auto field = reader.Next();
  const auto text = reader.ReadString(*field, 3, "a node's name");
  REQUIRE(absl::IsInvalidArgument(text.status()));
  CHECK_THAT(std::string(text.status().message()),
             Catch::Contains("a node's name") && Catch::Contains("4 bytes"));
}

TEST_CASE("The window follows a reader through a file larger than it") {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes +=
        "\x0a\xe8\x07" + std::string(1000, static_cast<char>('a' + i % 26));
  }
  Wire wire(bytes);
  WireReader reader(&wire.window);
  int right = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto field = reader.Next();
    REQUIRE(field.ok());
    right += *reader.ReadString(*field, 1000, "text") ==
             std::string(1000, static_cast<char>('a' + i % 26));
  }
  CHECK(right == 1000);
  CHECK(reader.AtEnd());
}

TEST_CASE("A file that shrinks under the reader is DATA_LOSS") {
  Wire wire(std::string(200000, '\x08'));
  REQUIRE(ftruncate(wire.file.fd.get(), 0) == 0);
  WireReader reader(&wire.window);
  CHECK(absl::IsDataLoss(reader.Next().status()));
}

}  // namespace
}  // namespace layerd
