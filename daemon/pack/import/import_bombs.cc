#include "daemon/pack/import/import_bombs.h"

#include <string>

namespace layerd {
namespace {

using Names = std::vector<std::string>;

constexpr int64_t kLong = 1 << 17;
constexpr size_t kMany = 1000;
constexpr int64_t kWide = 1 << 14;
const std::string kLongName(16 << 10, 'n');

// What turns `turns` times: {carried} -> {outputs}.
onnx::GraphProto* Loop(TestModel& model, int64_t turns, const Names& carried,
                       const Names& outputs, const Names& body_inputs,
                       const Names& body_outputs) {
  model.Ints("turns", {}, {turns});
  Names inputs = {"turns", ""};
  inputs.insert(inputs.end(), carried.begin(), carried.end());
  return BodyOf(model.Add("Loop", inputs, outputs), body_inputs, body_outputs);
}

void ScanManyAlongALongOne(TestModel& model) {
  onnx::NodeProto* scan = model.Add("Scan", Names(kMany, "long"), {"y"});
  SetInt(scan, "num_scan_inputs", kMany);
  onnx::GraphProto* body = BodyOf(scan, {}, {"long"});
  for (size_t i = 0; i < kMany; ++i) {
    body->add_input()->set_name("element" + std::to_string(i));
  }
}

void CollectManyInLongLoop(TestModel& model) {
  Loop(model, kLong, {}, {"y"}, {"i", "goes"}, Names(kMany, "goes"));
}

void CarryManyThroughLongLoop(TestModel& model) {
  Names carried = {"i", "goes"}, written = {"goes"};
  for (size_t i = 2; i < kMany; ++i) {
    carried.push_back("carried" + std::to_string(i));
    written.push_back(carried.back());
  }
  Loop(model, kLong, Names(kMany - 2, "long"), {"y"}, carried, written);
}

void TurnForEver(TestModel& model) {
  onnx::NodeProto* loop = model.Add("Loop", {"", "", "long"}, {"y"});
  BodyOf(loop, {"i", "goes", "s"}, {"goes", "s"});
}

void LoopInLoopInLoop(TestModel& model) {
  onnx::GraphProto* body =
      Loop(model, kLong, {"long"}, {"y"}, {"i", "goes", "s"}, {"goes", "t"});
  for (const char* depth : {"1", "2"}) {
    const std::string d = depth;
    body = BodyOf(AddTo(body, "Loop", {"turns", "", "s"}, {"t"}),
                  {"i" + d, "goes" + d, "s"}, {"goes" + d, "t"});
  }
  AddTo(body, "Neg", {"s"}, {"t"});
}

void SplitOftenIntoMany(TestModel& model) {
  model.Input("wide", {kWide, 1});
  model.Add("Neg", {"wide"}, {"y"});
  for (int64_t i = 0; i < kLong / kWide; ++i) {
    const std::string list = "list" + std::to_string(i);
    model.Add("SplitToSequence", {"wide"}, {list});
    SetInt(model.Add("ConcatFromSequence", {list}, {"all_of_" + list}), "axis",
           0);
    model.Output("all_of_" + list);
  }
}

void InsertInEveryTurn(TestModel& model) {
  model.Add("SequenceEmpty", {}, {"none"});
  onnx::GraphProto* body =
      Loop(model, kLong, {"none"}, {"list"}, {"i", "goes", "l"}, {"goes", "m"});
  AddTo(body, "SequenceInsert", {"l", "long"}, {"m"});
  SetInt(model.Add("ConcatFromSequence", {"list"}, {"y"}), "axis", 0);
}

// The same long list again and again.
void JoinInEveryTurn(TestModel& model) {
  model.Input("wide", {kWide, 1});
  model.Add("SplitToSequence", {"wide"}, {"list"});
  onnx::GraphProto* body = Loop(model, kLong / 8, {"wide"}, {"y"},
                                {"i", "goes", "s"}, {"goes", "t"});
  SetInt(AddTo(body, "ConcatFromSequence", {"list"}, {"t"}), "axis", 0);
}

void NamePiecesAtLength(TestModel& model) {
  model.Input("wide", {kWide, 1});
  model.Add("SplitToSequence", {"wide"}, {"list"})->set_name(kLongName);
  SetInt(model.Add("ConcatFromSequence", {"list"}, {"y"}), "axis", 0);
}

void NameElementsAtLength(TestModel& model) {
  model.Input("wide", {kWide, 1});
  onnx::NodeProto* scan = model.Add("Scan", {"wide"}, {"y"});
  scan->set_name(kLongName);
  SetInt(scan, "num_scan_inputs", 1);
  BodyOf(scan, {"element"}, {"element"});
}

void SplitInEveryTurn(TestModel& model) {
  constexpr int64_t kPieces = 2048;
  model.Input("wide", {kPieces, 1});
  onnx::GraphProto* body = Loop(model, kLong / kPieces + 1, {"wide"}, {"y"},
                                {"i", "goes", "s"}, {"goes", "t"});
  Names pieces;
  for (int64_t i = 0; i < kPieces; ++i) pieces.push_back(std::to_string(i));
  AddTo(body, "Split", {"s"}, pieces);
  SetInt(AddTo(body, "Concat", pieces, {"t"}), "axis", 0);
}

// Its parts have the same names in every turn.
void SpellOutInEveryTurn(TestModel& model) {
  onnx::GraphProto* body =
      Loop(model, kLong, {"long"}, {"y"}, {"i", "goes", "s"}, {"goes", "t"});
  AddTo(body, "Sinh", {"s"}, {"t"});
}

}  // namespace

std::vector<ImportBomb> ImportBombs() {
  const std::pair<const char*, void (*)(TestModel&)> makers[] = {
      {"scan_many_along_a_long_one", ScanManyAlongALongOne},
      {"collect_many_in_long_loop", CollectManyInLongLoop},
      {"carry_many_through_long_loop", CarryManyThroughLongLoop},
      {"turn_for_ever", TurnForEver},
      {"loop_in_loop_in_loop", LoopInLoopInLoop},
      {"split_often_into_many", SplitOftenIntoMany},
      {"insert_in_every_turn", InsertInEveryTurn},
      {"join_in_every_turn", JoinInEveryTurn},
      {"name_pieces_at_length", NamePiecesAtLength},
      {"name_elements_at_length", NameElementsAtLength},
      {"split_in_every_turn", SplitInEveryTurn},
      {"spell_out_in_every_turn", SpellOutInEveryTurn},
  };
  std::vector<ImportBomb> bombs;
  for (const auto& [name, make] : makers) {
    bombs.push_back({name, TestModel(16)});
    ImportBomb& bomb = bombs.back();
    bomb.model.Input("long", {kLong, 1});
    make(bomb.model);
    bomb.model.Output("y");
  }
  return bombs;
}

}  // namespace layerd
