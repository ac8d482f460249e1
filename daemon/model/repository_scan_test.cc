#include "daemon/model/repository_scan.h"

#include <filesystem>
#include <fstream>

#include "test/catch/catch.h"

namespace layerd {
namespace {

namespace fs = std::filesystem;

class TestRepository {
 public:
  TestRepository() {
    char name[] = "/tmp/repository_scan_test.XXXXXX";
    root_ = mkdtemp(name);
  }
  ~TestRepository() { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  }
  std::vector<FoundModel> Scan() const {
    const auto found = ScanRepository(root_);
    REQUIRE(found.ok());
    return *found;
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

TEST_CASE("Models are found by name and ascending version") {
  TestRepository repository;
  repository.Write("b/10/model.onnx", "x");
  repository.Write("b/9/model.layers", "x");
  repository.Write("a/1/model.onnx", "x");
  repository.Write("a/1/model.layers", "x");
  repository.Write("a/model.yaml", "priority: 2\n");
  repository.Write(".hidden/1/model.onnx", "x");
  const auto found = repository.Scan();
  REQUIRE(found.size() == 3);
  CHECK((found[0].name == "a" && found[0].config.level == 2));
  CHECK((!found[0].onnx_path.empty() && !found[0].layers_path.empty()));
  CHECK((found[1].name == "b" && found[1].version == "9"));
  CHECK((found[2].version == "10" && found[2].problem.ok()));
}

TEST_CASE("What is no model is listed with what is wrong") {
  struct Row {
    const char* path;
    const char* text;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"m/model.yaml", "", "no version folder"},
      {"m/01/model.onnx", "x", "no version folder"},
      {"m/1/model.pt", "x", "neither model.onnx nor model.layers"},
      {"m/1/resnet.onnx", "x", "is it resnet.onnx? Then rename that"},
      {"m.onnx", "x", "m.onnx is a file; move it to m/1/model.onnx"},
      {"m.layers", "x", "move it to m/1/model.layers"},
      {"m/1/model.onnx/x", "x", "neither model.onnx nor model.layers"},
  }));
  INFO(row.path);
  TestRepository repository;
  repository.Write(row.path, row.text);
  const auto found = repository.Scan();
  REQUIRE(found.size() == 1);
  CHECK_THAT(std::string(found[0].problem.message()),
             Catch::Contains(row.message));
}

TEST_CASE("A file beside its model's folder is no second model") {
  TestRepository repository;
  repository.Write("m/1/model.onnx", "x");
  repository.Write("m.onnx", "x");
  const auto found = repository.Scan();
  REQUIRE(found.size() == 1);
  CHECK(found[0].problem.ok());
}

TEST_CASE("A model whose folder no request can name is told to be renamed") {
  TestRepository repository;
  repository.Write("a b/1/model.onnx", "x");
  repository.Write("a b/2/notes.txt", "x");
  repository.Write("a0/1/model.onnx", "x");
  repository.Write("lost+found/1/x", "x");
  const auto found = repository.Scan();
  REQUIRE(found.size() == 2);
  CHECK((found[0].name == "a0" && found[0].problem.ok()));
  CHECK((found[1].name == "a?b" && found[1].version == "1"));
  CHECK_THAT(std::string(found[1].problem.message()),
             Catch::Contains("rename the folder"));
}

TEST_CASE("An unsound model.yaml is the model's problem, not the others'") {
  TestRepository repository;
  repository.Write("bad/1/model.onnx", "x");
  repository.Write("bad/model.yaml", "priority: nine\n");
  repository.Write("good/1/model.onnx", "x");
  const auto found = repository.Scan();
  REQUIRE(found.size() == 2);
  CHECK_THAT(std::string(found[0].problem.message()),
             Catch::Contains("model.yaml:1:11: priority"));
  CHECK(found[1].problem.ok());
}

TEST_CASE("Another file, another key") {
  TestRepository repository;
  repository.Write("m/1/model.onnx", "x");
  const std::string before = repository.Scan()[0].content_key;
  CHECK(repository.Scan()[0].content_key == before);
  repository.Write("m/1/weights.bin", "y");
  const std::string with_data = repository.Scan()[0].content_key;
  CHECK(with_data != before);
  repository.Write("m/model.yaml", "shapes: {x: [1, 2]}\n");
  const std::string bound = repository.Scan()[0].content_key;
  CHECK(bound != with_data);
  repository.Write("m/model.yaml", "shapes: {x: [1, 2]}\nvalues: {y: 3}\n");
  CHECK(repository.Scan()[0].content_key != bound);
}

TEST_CASE("A repository that is not there is an error") {
  CHECK(!ScanRepository("/nonexistent/repository").ok());
}

TEST_CASE("Model names are plain words") {
  CHECK(IsModelName("resnet50-v1.5_x"));
  for (const char* name : {"", ".", "..", "a/b", "-a", "a..b", "a b", "ä"}) {
    INFO(name);
    CHECK(!IsModelName(name));
  }
  CHECK(!IsModelName(std::string(129, 'a')));
}

}  // namespace
}  // namespace layerd
