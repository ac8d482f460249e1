#include "config/model_config.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "config/yaml_section.h"

namespace layerd {
namespace {

absl::Status ReadUrgency(YamlSection* root, ModelConfig* config) {
  RETURN_IF_ERROR(root->Read("priority", &config->level, 1, kLevelsMax));
  config->lower_to = config->level;
  RETURN_IF_ERROR(
      root->Read("lower_to", &config->lower_to, config->level, kLevelsMax));
  RETURN_IF_ERROR(root->Read("period_ms", &config->period_ms, 1, kTaskMsMax));
  return root->Read("deadline_ms", &config->deadline_ms, 1, kTaskMsMax);
}

absl::Status ReadShapes(YamlSection shapes, ModelConfig* config) {
  for (const std::string& input : shapes.keys()) {
    RETURN_IF_ERROR(shapes.Read(input.c_str(), &config->shapes[input], 0,
                                int64_t{1} << 31));
  }
  return shapes.CheckNoOthers();
}

bool IsNumber(const std::string& word) {
  double number = 0;
  return word == "true" || word == "false" || absl::SimpleAtod(word, &number);
}

absl::Status ReadValues(YamlSection values, ModelConfig* config) {
  for (const std::string& input : values.keys()) {
    std::vector<std::string>& numbers = config->values[input];
    RETURN_IF_ERROR(values.Read(input.c_str(), &numbers));
    if (numbers.empty()) return values.ErrorAt(input, "expected a number");
    for (const std::string& word : numbers) {
      if (IsNumber(word)) continue;
      return values.ErrorAt(input,
                            absl::StrCat("'", word, "' is not a number"));
    }
  }
  return values.CheckNoOthers();
}

absl::Status ReadPack(YamlSection pack, ModelConfig* config) {
  RETURN_IF_ERROR(pack.ReadOneOf("compute", &config->compute, {"f32", "f16"}));
  config->weights = config->compute;
  RETURN_IF_ERROR(pack.ReadOneOf("weights", &config->weights,
                                 {"f32", "f16", "bf16", "i8"}));
  RETURN_IF_ERROR(
      pack.ReadOneOf("for", &config->optimize_for, {"bytes", "latency"}));
  return pack.CheckNoOthers();
}

}  // namespace

absl::StatusOr<ModelConfig> ModelConfig::Parse(const std::string& yaml,
                                               const std::string& source) {
  ASSIGN_OR_RETURN(YamlSection root, YamlSection::Parse(yaml, source));
  ModelConfig config;
  RETURN_IF_ERROR(ReadUrgency(&root, &config));
  ASSIGN_OR_RETURN(YamlSection shapes, root.Section("shapes"));
  RETURN_IF_ERROR(ReadShapes(std::move(shapes), &config));
  ASSIGN_OR_RETURN(YamlSection values, root.Section("values"));
  RETURN_IF_ERROR(ReadValues(std::move(values), &config));
  ASSIGN_OR_RETURN(YamlSection pack, root.Section("pack"));
  RETURN_IF_ERROR(ReadPack(std::move(pack), &config));
  RETURN_IF_ERROR(root.CheckNoOthers());
  return config;
}

}  // namespace layerd
