#include "config/plain_text.h"

#include <algorithm>

namespace layerd {

std::string PlainText(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next =
        static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // As UTF-8 has them.
      plain += '?';
      ++i;
    } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) {
      plain += '?';
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string PlainLine(std::string_view text) {
  std::string line = PlainText(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace layerd
