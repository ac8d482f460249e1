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
      {"m/model.yaml", "", "no version folder; make one called 1"},
      {"m/model.onnx", "x", "move model.onnx to 1/model.onnx"},
      {"m/Net.ONNX", "x", "move Net.ONNX to 1/model.onnx"},
      {"m/01/model.onnx", "x", "no version folder; rename 01"},
      {"1/model.onnx", "x", "is the repository the folder above?"},
      {"m/latest/model.onnx", "x", "no version folder; rename latest"},
      {"m/1/model.pt", "x", "neither model.onnx nor model.layers"},
      {"m/1/resnet.onnx", "x", "is it resnet.onnx? Then rename that"},
      {"m.onnx", "x", "m.onnx is a file; move it to m/1/model.onnx"},
      {"m.layers", "x", "move it to m/1/model.layers"},
      {"M.ONNX", "x", "move it to M/1/model.onnx"},
      {"m/1/MODEL.ONNX", "x", "is it MODEL.ONNX? Then rename that"},
      {"m/1/model.onnx/x", "x", "model.onnx is no file"},
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

TEST_CASE("What is written for a model where nobody reads it is its problem") {
  struct Row {
    const char* path;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"m/model.yml", "model.yml is not read; rename it model.yaml"},
      {"m/1/model.yaml", "1/model.yaml is not read; move it beside"},
      {"m/model.yaml/x", "model.yaml is no file"},
  }));
  TestRepository repository;
  repository.Write("m/1/model.onnx", "x");
  repository.Write(row.path, "priority: 1\n");
  const auto found = repository.Scan();
  REQUIRE(found.size() == 1);
  CHECK_THAT(std::string(found[0].problem.message()),
             Catch::Contains(row.message));
}

TEST_CASE(
    "A model of a Triton repository is one, and its config.pbtxt is seen") {
  TestRepository repository;
  repository.Write("m/1/model.onnx", "x");
  CHECK_FALSE(repository.Scan()[0].has_triton_config);
  repository.Write("m/config.pbtxt", "max_batch_size: 8");
  CHECK(repository.Scan()[0].problem.ok());
  CHECK(repository.Scan()[0].has_triton_config);
}

TEST_CASE("A link to nowhere is named") {
  struct Row {
    const char* link;
    const char* beside;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"m/1", "m/notes.txt", "1 is a link to where nothing is"},
      {"m/2/model.onnx", "m/notes.txt",
       "model.onnx is a link to where nothing"},
      {"m/model.yaml", "m/1/model.onnx", "model.yaml is a link to where"},
  }));
  TestRepository repository;
  const fs::path link = repository.root() + "/" + row.link;
  fs::create_directories(link.parent_path());
  repository.Write(row.beside, "x");
  fs::create_symlink("/nonexistent/model", link);
  const auto found = repository.Scan();
  REQUIRE(found.size() == 1);
  CHECK_THAT(std::string(found[0].problem.message()),
             Catch::Contains(row.message));
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
