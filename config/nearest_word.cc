#include "config/nearest_word.h"

#include <algorithm>
#include <numeric>

namespace layerd {
namespace {

constexpr size_t kTooShort = 2;  // To be the beginning of one.

// Levenshtein's, in one row.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string NearestWord(std::string_view typed,
                        const std::vector<std::string>& words) {
  std::string nearest;
  size_t least = 1 + typed.size() / 3;  // So many slips are still a hint.
  for (const std::string& word : words) {
    if (typed.size() > kTooShort && word.starts_with(typed)) return word;
    const size_t distance = EditDistance(typed, word);
    if (distance <= least) {
      least = distance - (distance > 0);
      nearest = word;
    }
  }
  return nearest;
}

}  // namespace layerd
