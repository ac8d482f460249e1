#include "daemon/ctl/npy.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "daemon/ctl/failure.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// A file whose header is `text`, as numpy would frame it.
std::string FileOf(const std::string& text, const std::string& elements,
                   int version = 1) {
  std::string file = absl::StrCat("\x93NUMPY", std::string(1, char(version)),
                                  std::string(1, '\0'));
  const size_t length_bytes = version == 1 ? 2 : 4;
  for (size_t i = 0; i < length_bytes; ++i) {
    file += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  }
  return absl::StrCat(file, text, elements);
}

std::string HeaderOf(const std::string& type_word, const std::string& shape) {
  return absl::StrCat("{'descr': '", type_word,
                      "', 'fortran_order': False, 'shape': ", shape,
                      ", }   \n");
}

std::string MessageOf(const std::string& contents) {
  const auto array = ParseNpy(contents, "x.npy");
  CHECK(ExitCodeOf(array.status()) == 2);
  return std::string(array.status().message());
}

TEST_CASE("What numpy writes is read, whatever its datatype and version") {
  struct Row {
    const char* type_word;
    DataType dtype;
    size_t element_bytes;
  };
  const auto row = GENERATE(values<Row>({{"|b1", DataType::kBool, 1},
                                         {"|u1", DataType::kU8, 1},
                                         {"|i1", DataType::kI8, 1},
                                         {"<u2", DataType::kU16, 2},
                                         {"<i2", DataType::kI16, 2},
                                         {"<u4", DataType::kU32, 4},
                                         {"<i4", DataType::kI32, 4},
                                         {"<u8", DataType::kU64, 8},
                                         {"<i8", DataType::kI64, 8},
                                         {"<f2", DataType::kF16, 2},
                                         {"<f4", DataType::kF32, 4},
                                         {"<f8", DataType::kF64, 8}}));
  const int version = GENERATE(1, 2, 3);
  INFO(row.type_word << ", version " << version);
  const std::string elements(6 * row.element_bytes, '\1');

  const auto array = ParseNpy(
      FileOf(HeaderOf(row.type_word, "(2, 3)"), elements, version), "x.npy");

  REQUIRE(array.ok());
  CHECK(array->dtype == row.dtype);
  CHECK(array->shape == std::vector<int64_t>{2, 3});
  CHECK(array->bytes == elements);
}

TEST_CASE("Shapes are read in every way that Python writes them") {
  struct Row {
    const char* word;
    std::vector<int64_t> shape;
    size_t elements;
  };
  const auto row = GENERATE(values<Row>({{"()", {}, 1},
                                         {"(4,)", {4}, 4},
                                         {"(1,2,3)", {1, 2, 3}, 6},
                                         {"( 0 , 5 )", {0, 5}, 0}}));
  INFO(row.word);

  const auto array = ParseNpy(
      FileOf(HeaderOf("|u1", row.word), std::string(row.elements, 'x')), "x");

  REQUIRE(array.ok());
  CHECK(array->shape == row.shape);
}

TEST_CASE("A header that is not as it must be is refused and said why") {
  struct Row {
    const char* name;
    std::string contents;
    const char* message;
  };
  const std::string good = FileOf(HeaderOf("<f4", "(2,)"), "12345678");
  const auto row = GENERATE_COPY(values<Row>({
      {"empty", "", "no .npy file"},
      {"foreign", "PK\3\4zip", "no .npy file"},
      {"magic only", good.substr(0, 6), "version 0"},
      {"version 9", FileOf("{}", "", 9), "version 9"},
      {"cut in the header", good.substr(0, 40), "cut off inside its header"},
      {"header of 4 GiB", std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12),
       "at most 65536"},
      {"empty header", FileOf("", ""), "expected '{' at character 0"},
      {"no dictionary", FileOf("[1, 2]", ""), "expected '{'"},
      {"nothing in it", FileOf("{}", ""), "descr, fortran_order, shape"},
      {"not closed", FileOf("{'descr': '<f4'", ""), "expected '}'"},
      {"string not closed", FileOf("{'descr", ""), "expected a string"},
      {"rubbish behind", FileOf(HeaderOf("<f4", "()") + "x", "1234"),
       "expected its end"},
      {"unknown key", FileOf("{'colour': 'red'}", ""), "once each"},
      {"twice", FileOf("{'shape': (1,), 'shape': (2,)}", ""), "once each"},
      {"no bool", FileOf("{'fortran_order': 1}", ""), "True or False"},
      {"structured", FileOf("{'descr': [('a', '<f4')]}", ""), "a string"},
      {"big-endian", FileOf(HeaderOf(">f4", "(2,)"), "12345678"), "'>f4'"},
      {"objects", FileOf(HeaderOf("|O", "(2,)"), "12345678"), "'|O'"},
      {"text", FileOf(HeaderOf("<U4", "(2,)"), "12345678"), "'<U4'"},
      {"no order", FileOf(HeaderOf("|f4", "(2,)"), "12345678"), "'|f4'"},
      {"Fortran order",
       FileOf("{'descr':'<f4','fortran_order':True,'shape':(1,1)}", "1234"),
       "ascontiguousarray"},
      {"negative", FileOf(HeaderOf("<f4", "(-2,)"), ""), "a dimension"},
      {"dimension too large",
       FileOf(HeaderOf("<f4", "(99999999999999999999,)"), ""), "a dimension"},
      {"would overflow",
       FileOf(HeaderOf("<f8", "(4294967296, 4294967296, 4)"), ""),
       "0 bytes of elements follow"},
      {"nine dimensions", FileOf(HeaderOf("|u1", "(1,1,1,1,1,1,1,1,1)"), "x"),
       "more than 8 dimensions"},
      {"too short", good.substr(0, good.size() - 1), "7 bytes of elements"},
      {"too long", good + "9",
       "9 bytes of elements follow the header, which "
       "says FP32 [2]"},
      {"bool of 2", FileOf(HeaderOf("|b1", "(1,)"), "\2"), "byte 2"},
  }));
  INFO(row.name);

  const std::string message = MessageOf(row.contents);

  CHECK_THAT(message, Catch::StartsWith("x.npy: "));
  CHECK_THAT(message, Catch::Contains(row.message));
}

TEST_CASE("Every prefix of a file is refused, and nothing else happens") {
  const std::string good = FileOf(HeaderOf("<f4", "(2,)"), "12345678");
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    INFO(bytes << " bytes");
    CHECK_FALSE(ParseNpy(good.substr(0, bytes), "x").ok());
  }
}

TEST_CASE("What is written is read back, and its elements are aligned") {
  const Array array{DataType::kF32, {1, 2}, "12345678"};
  const auto path = std::filesystem::temp_directory_path() /
                    absl::StrCat("layerd_npy_test_", getpid(), ".npy");

  REQUIRE(WriteNpy(path, array).ok());
  const auto back = ReadNpy(path);
  const size_t file_bytes = std::filesystem::file_size(path);
  std::filesystem::remove(path);

  REQUIRE(back.ok());
  CHECK(back->dtype == array.dtype);
  CHECK(back->shape == array.shape);
  CHECK(back->bytes == array.bytes);
  CHECK((file_bytes - array.bytes.size()) % 64 == 0);
}

TEST_CASE("BF16 has no word in the format") {
  CHECK(
      absl::IsUnimplemented(FormatNpy({DataType::kBF16, {1}, "12"}).status()));
}

TEST_CASE("A file that is not there or no file is a usage error") {
  CHECK(ExitCodeOf(ReadNpy("/nonexistent/x.npy").status()) == 2);
  CHECK(ExitCodeOf(ReadNpy("/").status()) == 2);
  CHECK(ExitCodeOf(ReadNpy("/dev/zero").status()) == 2);
  CHECK(absl::IsNotFound(WriteNpy("/nonexistent/x.npy", {})));
}

}  // namespace
}  // namespace layerd
