#include "daemon/ctl/json_writer.h"

#include <limits>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A document is written as it was told") {
  JsonWriter json;
  json.BeginObject();
  json.Add("name", "conv\"1\"\n");
  json.Add("ready", true);
  json.Add("bytes", ~uint64_t{0});
  json.Add("shape", std::vector<int64_t>{1, -3});
  json.AddNull("reason");
  json.BeginArray("models");
  json.EndArray();
  json.EndObject();

  CHECK(json.Finish() ==
        "{\n"
        "  \"name\": \"conv\\\"1\\\"\\n\",\n"
        "  \"ready\": true,\n"
        "  \"bytes\": 18446744073709551615,\n"
        "  \"shape\": [1, -3],\n"
        "  \"reason\": null,\n"
        "  \"models\": []\n"
        "}\n");
}

TEST_CASE("Numbers that JSON does not know are null") {
  JsonWriter json;
  json.Value(std::vector<double>{0.5, std::numeric_limits<double>::quiet_NaN(),
                                 -std::numeric_limits<double>::infinity()});

  CHECK(json.Finish() == "[0.5, null, null]\n");
}

TEST_CASE("What is no UTF-8 is replaced, byte by byte") {
  struct Row {
    const char* name;
    const char* text;
    const char* utf8;
  };
  const auto row = GENERATE(values<Row>({
      {"plain", "image", "image"},
      {"two, three and four bytes", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80",
       "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"lone continuation", "a\x80z", "a\xEF\xBF\xBDz"},
      {"cut short", "a\xE2\x82", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"overlong", "\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
  }));
  INFO(row.name);

  CHECK(AsUtf8(row.text) == row.utf8);
}

}  // namespace
}  // namespace layerd
