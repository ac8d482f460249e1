#include "daemon/ctl/answers.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

constexpr size_t kValuesShownMax = 64;

bool IsVector(const std::vector<int64_t>& shape) {
  return std::count_if(shape.begin(), shape.end(),
                       [](int64_t size) { return size != 1; }) == 1;
}

double Rank(double value) { return std::isnan(value) ? -INFINITY : value; }

void AddTop(const std::vector<TopClass>& top, JsonWriter* json) {
  json->BeginArray("top");
  for (const TopClass& one : top) {
    json->BeginObject();
    json->Add("index", one.index);
    json->Add("value", one.value);
    if (!one.label.empty()) json->Add("label", one.label);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadLabels(const std::string& path) {
  std::ifstream file(path);
  if (!file) return UsageError(absl::StrCat(path, ": cannot be read"));
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) {
    absl::StripAsciiWhitespace(&line);
    labels.push_back(line);
  }
  return labels;
}

std::vector<TopClass> TopClasses(const Array& array,
                                 const AnswerOptions& options) {
  if (!IsVector(array.shape)) return {};
  const std::vector<double> values = NumbersOf(array);
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return Rank(values[a]) > Rank(values[b]);
  });
  order.resize(std::min(order.size(), options.top));
  std::vector<TopClass> top;
  for (const size_t index : order) {
    top.push_back({index, values[index],
                   index < options.labels.size() ? options.labels[index] : ""});
  }
  return top;
}

std::string AnswerText(const NamedArray& output, const AnswerOptions& options) {
  const Array& array = output.array;
  std::string text =
      absl::StrFormat("%s  %s %s\n", output.name, NameOf(array.dtype),
                      FormatShape(array.shape));
  const std::vector<double> numbers = array.bytes.size() == SizeOf(array.dtype)
                                          ? NumbersOf(array)
                                          : std::vector<double>();
  for (const double number : numbers) {
    absl::StrAppendFormat(&text, "  %.6g\n", number);
  }
  for (const TopClass& one : TopClasses(array, options)) {
    absl::StrAppendFormat(&text, "  %5d  %-12.6g  %s", one.index, one.value,
                          one.label);
    absl::StripTrailingAsciiWhitespace(&text);
    text += '\n';
  }
  return text;
}

void AddAnswer(const NamedArray& output, const AnswerOptions& options,
               JsonWriter* json) {
  const Array& array = output.array;
  json->BeginObject();
  json->Add("name", output.name);
  json->Add("datatype", NameOf(array.dtype));
  json->Add("shape", array.shape);
  if (array.bytes.size() <= kValuesShownMax * SizeOf(array.dtype)) {
    json->Add("values", NumbersOf(array));
  }
  const std::vector<TopClass> top = TopClasses(array, options);
  if (!top.empty()) AddTop(top, json);
  json->EndObject();
}

}  // namespace layerd
