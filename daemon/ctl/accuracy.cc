#include "daemon/ctl/accuracy.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "daemon/ctl/array_files.h"

namespace layerd {
namespace {

double PercentOfSpread(double difference, const OutputAccuracy& output) {
  return 100 * difference / output.spread;
}

// Where two numbers are not finite they differ not at all or without bound.
double Difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double difference = std::abs(a - b);
  return std::isnan(difference) ? INFINITY : difference;
}

size_t LargestOf(const std::vector<double>& numbers, size_t first,
                 size_t count) {
  const auto begin = numbers.begin() + static_cast<ptrdiff_t>(first);
  return static_cast<size_t>(
      std::max_element(begin, begin + static_cast<ptrdiff_t>(count)) - begin);
}

void CompareRows(const std::vector<double>& wide,
                 const std::vector<double>& narrow, size_t row,
                 OutputAccuracy* accuracy) {
  if (row == 0) return;
  for (size_t first = 0; first + row <= wide.size(); first += row) {
    ++accuracy->rows;
    accuracy->rows_same_largest +=
        LargestOf(wide, first, row) == LargestOf(narrow, first, row);
  }
}

}  // namespace

AccuracyOf::AccuracyOf(std::vector<std::string> names) : sums_(names.size()) {
  for (size_t i = 0; i < names.size(); ++i) {
    sums_[i].accuracy.name = std::move(names[i]);
  }
}

void AccuracyOf::Add(const std::vector<Array>& wide,
                     const std::vector<Array>& narrow) {
  LAYERD_CHECK(wide.size() == sums_.size() && narrow.size() == sums_.size());
  ++inputs_;
  for (size_t i = 0; i < sums_.size(); ++i) {
    Sum& sum = sums_[i];
    const std::vector<double> expected = NumbersOf(wide[i]);
    const std::vector<double> actual = NumbersOf(narrow[i]);
    LAYERD_CHECK(expected.size() == actual.size());
    for (size_t n = 0; n < expected.size(); ++n) {
      const double difference = Difference(actual[n], expected[n]);
      sum.differences += difference;
      sum.accuracy.largest_difference =
          std::max(sum.accuracy.largest_difference, difference);
      if (sum.count++ == 0) sum.least = sum.greatest = expected[n];
      sum.least = std::min(sum.least, expected[n]);
      sum.greatest = std::max(sum.greatest, expected[n]);
    }
    if (wide[i].shape.empty()) continue;
    CompareRows(expected, actual, static_cast<size_t>(wide[i].shape.back()),
                &sum.accuracy);
  }
}

Accuracy AccuracyOf::Finish(bool is_seeded) const {
  Accuracy accuracy{.inputs = inputs_, .is_seeded = is_seeded, .outputs = {}};
  for (const Sum& sum : sums_) {
    OutputAccuracy& output = accuracy.outputs.emplace_back(sum.accuracy);
    output.spread = sum.greatest - sum.least;
    if (sum.count > 0) {
      output.mean_difference = sum.differences / static_cast<double>(sum.count);
    }
  }
  return accuracy;
}

void AddAccuracy(const Accuracy& accuracy, JsonWriter* json) {
  json->BeginObject("accuracy");
  json->Add("inputs", accuracy.inputs);
  json->Add("seeded", accuracy.is_seeded);
  json->BeginArray("outputs");
  for (const OutputAccuracy& output : accuracy.outputs) {
    json->BeginObject();
    json->Add("name", output.name);
    json->Add("largest_difference", output.largest_difference);
    json->Add("mean_difference", output.mean_difference);
    json->Add("spread", output.spread);
    // Null where there is no spread: JSON has no infinity.
    json->Add("largest_difference_pct",
              PercentOfSpread(output.largest_difference, output));
    json->Add("mean_difference_pct",
              PercentOfSpread(output.mean_difference, output));
    json->Add("rows", output.rows);
    json->Add("rows_same_largest", output.rows_same_largest);
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

std::string AccuracyText(const Accuracy& accuracy, const std::string& weights) {
  std::string text;
  for (const OutputAccuracy& output : accuracy.outputs) {
    absl::StrAppendFormat(
        &text,
        "%s costs %s: differences to f32 up to %.3g, %.3g in the mean (%.3g %% "
        "and %.3g %% of the outputs' spread of %.4g); the largest number is "
        "the same in %d of %d rows, over %d %s input%s\n",
        weights, output.name, output.largest_difference, output.mean_difference,
        PercentOfSpread(output.largest_difference, output),
        PercentOfSpread(output.mean_difference, output), output.spread,
        output.rows_same_largest, output.rows, accuracy.inputs,
        accuracy.is_seeded ? "random" : "given",
        accuracy.inputs == 1 ? "" : "s");
  }
  return text;
}

}  // namespace layerd
