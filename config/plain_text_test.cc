#include "config/plain_text.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("What is no control character stays") {
  const std::string text = "a\tb\nc \xc3\xa9 \xc2\xa0 \xff \"\\\"";
  CHECK(PlainText(text) == text);
  CHECK(PlainText("") == "");
}

TEST_CASE("What a terminal would obey becomes a question mark") {
  CHECK(PlainText("\x1b[2Jgone\x07\r\x7f") == "?[2Jgone???");
  CHECK(PlainText("\xc2\x9b"
                  "2J\xc2") == "?2J\xc2");
  CHECK(PlainText(std::string("a\0b", 3)) == "a?b");
}

TEST_CASE("A line of a log is one") {
  CHECK(PlainLine("good\nWARNING: forged\r\n") == "good WARNING: forged? ");
}

}  // namespace
}  // namespace layerd
