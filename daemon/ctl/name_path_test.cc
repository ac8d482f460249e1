#include "daemon/ctl/name_path.h"

#include "daemon/ctl/failure.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Paths = std::vector<std::string>;

TEST_CASE("NAME=PATH splits at the first = that is not escaped") {
  struct Row {
    const char* text;
    const char* name;  // Null: none.
    const char* path;
  };
  const auto row = GENERATE(values<Row>({
      {"image=x.npy", "image", "x.npy"},
      {"onnx::Shape_422=x.npy", "onnx::Shape_422", "x.npy"},
      {"a=b=c.npy", "a", "b=c.npy"},
      {"a\\=b=c.npy", "a=b", "c.npy"},
      {"a\\=b=c\\=d.npy", "a=b", "c\\=d.npy"},
      {"a\\b=x.npy", "a\\b", "x.npy"},
      {"a\\\\=b=x.npy", "a\\=b", "x.npy"},
      {"=x.npy", "", "x.npy"},
      {"a=", "a", ""},
      {"x.npy", nullptr, "x.npy"},
      {"k\\=1/x.npy", nullptr, "k=1/x.npy"},
  }));
  INFO(row.text);

  const NamePath split = SplitNamePath(row.text);

  CHECK(split.name.has_value() == (row.name != nullptr));
  if (row.name) CHECK(split.name == row.name);
  CHECK(split.path == row.path);
}

TEST_CASE("Paths come in the order of the names") {
  CHECK(
      PathsByName("--input", {"b=2.npy", "a=1.npy"}, {"a", "b", "c"}).value() ==
      Paths{"1.npy", "2.npy", ""});
}

TEST_CASE("With one name it may be left out") {
  CHECK(PathsByName("--input", {"x.npy"}, {"image"}).value() == Paths{"x.npy"});
}

TEST_CASE("A wrong name or path is a usage error that says what would do") {
  struct Row {
    const char* name;
    Paths values;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"unknown", {"c=x.npy"}, "'c' is none of: a, b"},
      {"none of two", {"x.npy"}, "write NAME=x.npy with one of: a, b"},
      {"twice", {"a=x.npy", "a=y.npy"}, "'a' is given twice"},
      {"empty path", {"a="}, "the path is empty"},
      {"empty name", {"=x.npy"}, "'' is none of: a, b"},
  }));
  INFO(row.name);

  const auto paths = PathsByName("--input", row.values, {"a", "b"});

  CHECK(ExitCodeOf(paths.status()) == 2);
  CHECK_THAT(std::string(paths.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("A shape is numbers between commas, 0 where there are none yet") {
  CHECK(ParseShape("1,3,640,640").value() ==
        std::vector<int64_t>{1, 3, 640, 640});
  CHECK(ParseShape("1,12,0,64").value() == std::vector<int64_t>{1, 12, 0, 64});
  const auto wrong = GENERATE("", "1,", ",1", "1,,2", "-1", "a", "1x2",
                              "99999999999999999999");
  INFO(wrong);
  CHECK(ExitCodeOf(ParseShape(wrong).status()) == 2);
}

}  // namespace
}  // namespace layerd
