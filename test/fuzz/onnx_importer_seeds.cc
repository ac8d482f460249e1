// Writes the models that onnx_importer_fuzz begins with into a folder: small
// ones that between them use every operator and every place of weights, and
// real ones: the ONNX project's backend cases, where libonnx-testdata is
// installed.

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "daemon/pack/import/onnx_test_model.h"
#include "test/fuzz/seed_folder.h"

namespace layerd {
namespace {

TestModel Convolutions(int64_t opset) {
  TestModel model(opset);
  model.Input("x", {0, 3, 8, 8});
  model.Weights("w", {4, 3, 3, 3}, std::vector<float>(108, 0.5f));
  model.Weights("b", {4}, std::vector<float>(4, 1.0f));
  SetInts(SetInt(model.Add("Conv", {"x", "w", "b"}, {"c"}), "group", 1), "pads",
          {1, 1, 1, 1});
  SetFloat(model.Add("BatchNormalization", {"c", "b", "b", "b", "b"}, {"n"}),
           "epsilon", 1e-3f);
  model.Add("Relu", {"n"}, {"r"});
  SetInt(SetInts(SetInts(model.Add("MaxPool", {"r"}, {"p"}), "kernel_shape",
                         {2, 2}),
                 "strides", {2, 2}),
         "ceil_mode", opset >= 10 ? 1 : 0);
  SetString(
      SetInts(model.Add("AveragePool", {"p"}, {"a"}), "kernel_shape", {3, 3}),
      "auto_pad", "SAME_UPPER");
  SetInt(model.Add("LRN", {"a"}, {"l"}), "size", 3);
  model.Add("GlobalAveragePool", {"l"}, {"g"});
  model.Add("Flatten", {"g"}, {"f"});
  model.Weights("m", {4, 2}, std::vector<float>(8, 0.25f));
  model.Add("Gemm", {"f", "m"}, {"s"});
  model.Add("Softmax", {"s"}, {"y"});
  model.Output("y");
  return model;
}

TestModel Functions() {
  TestModel model(16);
  model.Input("x", {1, 4});
  onnx::FunctionProto* function = model.proto.add_functions();
  function->set_domain("own");
  function->set_name("F");
  function->add_input("a");
  function->add_output("b");
  onnx::NodeProto* node = function->add_node();
  node->set_op_type("LeakyRelu");
  node->add_input("a");
  node->add_output("b");
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name("alpha");
  attribute->set_ref_attr_name("slope");
  onnx::NodeProto* call = model.Add("F", {"x"}, {"y"});
  SetFloat(call, "slope", 0.5f)->set_domain("own");
  model.Output("y");
  return model;
}

TestModel Branches() {
  TestModel model(16);
  model.Input("x", {1, 4});
  model.Input("b", {1}, onnx::TensorProto::BOOL);
  model.Ints("one", {1}, {1});
  model.Add("Equal", {"one", "one"}, {"a"});
  onnx::NodeProto* outer = model.Add("If", {"a"}, {"y"});
  onnx::GraphProto* taken = SetBranch(outer, "then_branch", "If", {"b"}, "t");
  SetBranch(outer, "else_branch", "Squeeze", {"x", "one"}, "t");
  onnx::NodeProto* inner = taken->mutable_node(0);
  SetBranch(inner, "then_branch", "Relu", {"x"}, "u");
  SetBranch(inner, "else_branch", "Neg", {"x"}, "u");
  model.Output("y");
  return model;
}

// A Loop that makes a list longer, with an If inside, and a Scan.
TestModel Loops() {
  TestModel model(16);
  model.Input("x", {2, 3});
  model.Ints("two", {}, {2});
  model.Add("SequenceEmpty", {}, {"none"});
  onnx::NodeProto* loop =
      model.Add("Loop", {"two", "", "none", "x"}, {"l", "s"});
  onnx::GraphProto* body =
      SetBranch(loop, "body", "SequenceInsert", {"m", "u", "i"}, "n");
  onnx::NodeProto* choice = body->add_node();
  choice->set_op_type("If");
  choice->add_input("c");
  choice->add_output("u");
  SetBranch(choice, "then_branch", "Add", {"t", "x"}, "v");
  SetBranch(choice, "else_branch", "Neg", {"t"}, "v");
  for (const char* input : {"i", "c", "m", "t"}) {
    body->add_input()->set_name(input);
  }
  body->clear_output();
  for (const char* output : {"c", "n", "u"}) {
    body->add_output()->set_name(output);
  }
  SetInt(model.Add("ConcatFromSequence", {"l"}, {"y"}), "axis", 0);
  onnx::NodeProto* scan = model.Add("Scan", {"s", "y"}, {"a", "b"});
  SetInt(scan, "num_scan_inputs", 1);
  onnx::GraphProto* turn = SetBranch(scan, "body", "Add", {"p", "q"}, "r");
  for (const char* input : {"p", "q"}) turn->add_input()->set_name(input);
  turn->add_output()->set_name("q");
  SetInt(model.Add("SplitToSequence", {"b"}, {"w"}), "axis", 1);
  model.Add("SequenceAt", {"w", "two"}, {"z"});
  for (const char* output : {"a", "z"}) model.Output(output);
  return model;
}

TestModel Shapes() {
  TestModel model(13);
  model.Input("x", {1, 3, 8, 8});
  model.Add("Shape", {"x"}, {"s"});
  model.Ints("i", {1}, {0});
  model.Ints("j", {1}, {-1});
  model.Add("Gather", {"s", "i"}, {"n"});
  SetInt(model.Add("Concat", {"n", "j"}, {"to"}), "axis", 0);
  model.Add("Reshape", {"x", "to"}, {"r"});
  model.Add("Unsqueeze", {"r", "i"}, {"u"});
  model.Add("Squeeze", {"u", "i"}, {"q"});
  SetInts(model.Add("Transpose", {"q"}, {"t"}), "perm", {1, 0});
  model.Ints("p", {4}, {0, 1, 0, 1});
  model.Add("Pad", {"t", "p"}, {"d"});
  model.Add("Slice", {"s", "i", "j"}, {"sl"});
  FillInts(SetTensor(model.Add("ConstantOfShape", {"sl"}, {"ones"}), "value"),
           {1}, {1});
  model.Add("Size", {"ones"}, {"z"});
  model.Add("Range", {"z", "z", "z"}, {"none"});
  model.Ints("two", {1}, {2});
  model.Add("Expand", {"j", "two"}, {"e"});
  model.Add("Equal", {"i", "j"}, {"eq"});
  model.Add("Where", {"eq", "i", "j"}, {"wh"});
  model.Add("Not", {"eq"}, {"no"});
  model.Add("Max", {"wh", "e"}, {"ma"});
  model.Add("Neg", {"wh"}, {"ne"});
  model.Add("Div", {"ne", "j"}, {"di"});
  SetInt(model.Add("Cast", {"di"}, {"ca"}), "to", onnx::TensorProto::FLOAT);
  model.Add("Mul", {"d", "ca"}, {"y"});
  model.Add("Shape", {"none"}, {"zero"});
  for (const char* output : {"y", "zero", "no", "ma"}) model.Output(output);
  return model;
}

TestModel Places() {
  TestModel model(11);
  model.proto.set_ir_version(3);
  model.Input("x", {1, 4});
  model.Input("w", {4});
  onnx::TensorProto* typed = model.Weights("w", {4}, {});
  typed->clear_raw_data();
  for (int i = 0; i < 4; ++i) typed->add_float_data(1.0f);
  onnx::TensorProto* half = model.Weights("h", {2}, {});
  half->clear_raw_data();
  half->set_data_type(onnx::TensorProto::FLOAT16);
  half->add_int32_data(0x3c00);
  half->add_int32_data(0x4000);
  onnx::TensorProto* external = model.Weights("e", {1, 4}, {});
  external->clear_raw_data();
  external->set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, const char*>>{
           {"location", "w.bin"}, {"offset", "16"}, {"length", "16"}}) {
    auto* entry = external->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  FillWeights(SetTensor(model.Add("Constant", {}, {"c"}), "value"), {4},
              {1, 2, 3, 4});
  model.Add("Sum", {"x", "w", "e", "c"}, {"s"});
  SetFloat(model.Add("Clip", {"s"}, {"k"}), "max", 6);
  model.proto.mutable_graph()->mutable_node(2)->clear_attribute();
  model.Add("LeakyRelu", {"k"}, {"l"});
  model.Add("Sigmoid", {"l"}, {"g"});
  model.Add("Tanh", {"g"}, {"t"});
  model.Add("Dropout", {"t"}, {"d"});
  model.Add("Identity", {"d"}, {"y"});
  model.Output("y");
  model.Output("h");
  return model;
}

// Bytes that mean halves, moved while packing, and what is quantised then.
TestModel Quantised() {
  TestModel model(19);
  model.Input("x", {1, 1, 2, 3});
  onnx::TensorProto* scale = model.Weights("scale", {}, {});
  scale->set_data_type(onnx::TensorProto::FLOAT16);
  scale->set_raw_data(std::string("\0\x38", 2));
  onnx::TensorProto* bytes = model.Weights("bytes", {1, 1, 2, 3}, {});
  bytes->set_data_type(onnx::TensorProto::INT8);
  bytes->set_raw_data("\1\2\3\4\5\6");
  model.Add("DequantizeLinear", {"bytes", "scale"}, {"halves"});
  SetInt(model.Add("Concat", {"halves", "halves"}, {"two"}), "axis", 0);
  model.Add("Transpose", {"two"}, {"turned"});
  model.Add("DynamicQuantizeLinear", {"x"}, {"q", "step", "zero"});
  model.Add("DequantizeLinear", {"q", "step", "zero"}, {"back"});
  onnx::NodeProto* pool = model.Add("MaxPool", {"back"}, {"most", "places"});
  SetInts(SetInts(pool, "kernel_shape", {2, 2}), "pads", {1, 1, 0, 0});
  for (const char* output : {"turned", "most", "places"}) model.Output(output);
  return model;
}

// What attends and what pools boxes, since opset 23.
TestModel Attending() {
  TestModel model(24);
  model.Input("q", {1, 4, 3, 8});
  model.Input("k", {1, 2, 3, 8});
  model.Input("past", {1, 2, 2, 8});
  model.Weights("table", {16, 4}, std::vector<float>(64, 0.5f));
  model.Ints("places", {1, 3}, {0, 1, 2});
  SetInt(model.Add("RotaryEmbedding", {"q", "table", "table", "places"}, {"r"}),
         "interleaved", 1);
  onnx::NodeProto* attention =
      model.Add("Attention", {"r", "k", "k", "", "past", "past"}, {"a", "p"});
  SetFloat(SetInt(attention, "is_causal", 1), "softcap", 2.0f);
  model.Weights("scale", {8}, std::vector<float>(8, 1.0f));
  model.Add("RMSNormalization", {"a", "scale"}, {"n"});
  model.Add("Swish", {"n"}, {"y"});
  model.Weights("boxes", {1, 4}, {0, 0, 2, 2});
  model.Ints("picture", {1}, {0});
  SetInt(model.Add("RoiAlign", {"y", "boxes", "picture"}, {"b"}),
         "sampling_ratio", 2);
  for (const char* output : {"y", "p", "b"}) model.Output(output);
  return model;
}

// Weights of four bits, folded while packing and not.
TestModel Blocks() {
  TestModel model(21);
  model.Input("x", {2, 32});
  onnx::TensorProto* nibbles = model.Weights("nibbles", {4, 32}, {});
  nibbles->set_data_type(onnx::TensorProto::INT4);
  nibbles->set_raw_data(std::string(64, '\x7a'));
  model.Weights("scales", {4, 2}, std::vector<float>(8, 0.5f));
  SetInt(SetInt(model.Add("DequantizeLinear", {"nibbles", "scales"}, {"d"}),
                "axis", 1),
         "block_size", 16);
  SetInts(model.Add("Transpose", {"d"}, {"t"}), "perm", {1, 0});
  model.Add("MatMul", {"x", "t"}, {"m"});
  onnx::TensorProto* bytes = model.Weights("bytes", {4, 2, 8}, {});
  bytes->set_data_type(onnx::TensorProto::UINT8);
  bytes->set_raw_data(std::string(64, '\x5c'));
  onnx::NodeProto* product =
      model.Add("MatMulNBits", {"x", "bytes", "scales"}, {"n"});
  product->set_domain("com.microsoft");
  SetInt(SetInt(SetInt(product, "K", 32), "N", 4), "block_size", 16);
  for (const char* output : {"m", "n"}) model.Output(output);
  return model;
}

constexpr char kCases[] = "/usr/share/libonnx-testdata/data";
constexpr uintmax_t kSeedBytesMax = 64 << 10;  // As run.sh tells the fuzzer.

bool Copy(const std::filesystem::path& from, const std::string& to) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(from, error);
  return !error && bytes <= kSeedBytesMax &&
         std::filesystem::copy_file(from, to, error);
}

void CopyCases(const std::string& folder) {
  int copied = 0;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(kCases, error)) {
    if (entry.path().filename() != "model.onnx") continue;
    const std::string name = entry.path().parent_path().filename();
    copied += Copy(entry.path(), folder + "/" + name) ? 1 : 0;
  }
  if (copied == 0) {
    std::printf("SKIPPED: no real models: apt-get install libonnx-testdata\n");
  } else {
    std::printf("%d real models are seeds\n", copied);
  }
}

}  // namespace

void WriteSeeds(const SeedFolder& folder) {
  const std::pair<const char*, TestModel> models[] = {
      {"convolutions_7", Convolutions(7)},
      {"convolutions_17", Convolutions(17)},
      {"branches", Branches()},
      {"functions", Functions()},
      {"loops", Loops()},
      {"shapes", Shapes()},
      {"places", Places()},
      {"quantised", Quantised()},
      {"attending", Attending()},
      {"blocks", Blocks()},
  };
  for (const auto& [name, model] : models) {
    folder.Write(name, model.proto.SerializeAsString());
  }
  CopyCases(folder.path());
}

}  // namespace layerd
