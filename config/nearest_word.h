#ifndef LAYERD_CONFIG_NEAREST_WORD_H_
#define LAYERD_CONFIG_NEAREST_WORD_H_

#include <string>
#include <string_view>
#include <vector>

namespace layerd {

// The one of `words` that `typed` was probably meant to be; empty if none.
std::string NearestWord(std::string_view typed,
                        const std::vector<std::string>& words);

}  // namespace layerd

#endif  // LAYERD_CONFIG_NEAREST_WORD_H_
