#ifndef LAYERD_CONFIG_PLAIN_TEXT_H_
#define LAYERD_CONFIG_PLAIN_TEXT_H_

#include <string>
#include <string_view>

namespace layerd {

// The text with '?' for each control character but newline and tab: what a
// terminal or a log may be given of names that come from files of others, as
// terminals obey them.
std::string PlainText(std::string_view text);

// The same in one line, so that nobody writes lines of a log but us.
std::string PlainLine(std::string_view text);

}  // namespace layerd

#endif  // LAYERD_CONFIG_PLAIN_TEXT_H_
