// Catch2 2 (Debian 12) or 3 (Debian 13), under one name.

#ifndef LAYERD_TEST_CATCH_CATCH_H_
#define LAYERD_TEST_CATCH_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

namespace Catch {
using Matchers::EndsWith;
using Matchers::StartsWith;
inline auto Contains(const std::string& words) {
  return Matchers::ContainsSubstring(words);
}
}  // namespace Catch

using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#endif  // LAYERD_TEST_CATCH_CATCH_H_
