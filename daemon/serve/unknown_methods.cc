#include "daemon/serve/unknown_methods.h"

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace layerd {
namespace {

constexpr size_t kQuotedCharactersMax = 128;

// What Triton serves and layerd does not, by a word of the method's name.
struct LeftOut {
  std::string_view word;
  const char* instead;
};
constexpr LeftOut kLeftOut[] = {
    {"SharedMemory",
     "send and receive the bytes themselves; on one machine the Unix socket "
     "is the shortest way"},
    {"/TraceSetting", "`layerctl trace` writes what has happened last"},
    {"/LogSettings",
     "log_level of the configuration says what is logged, from a start on"},
};

std::string WordsFor(const std::string& method) {
  const std::string words =
      absl::StrCat("layerd has no method ",
                   absl::CHexEscape(method.substr(0, kQuotedCharactersMax)));
  for (const auto& [word, instead] : kLeftOut) {
    if (method.find(word) != std::string::npos) {
      return absl::StrCat(words, ": ", instead);
    }
  }
  return words;
}

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const std::string& words) {
    Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, words));
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Refusal(WordsFor(context->method()));
}

}  // namespace layerd
