// For programs that have the twin in them, or open a plugin that has: it keeps
// time, and what it has to complain about fails the program.
//
// LAYERD_TWIN: "no_driver", "no_device", "no_code": so much is missing;
// "integrated": it shares memory with the host.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/gpu/twin/twin.h"

namespace layerd {
namespace {

struct OnTwin {
  OnTwin() {
    const char* const named = std::getenv("LAYERD_TWIN");
    const std::string name = named == nullptr ? "" : named;
    twin::Reset({.seed = 5,
                 .library_seed = 5,
                 .integrated = name == "integrated",
                 .timed = true,
                 .no_driver = name == "no_driver",
                 .no_device = name == "no_device",
                 .no_code = name == "no_code"});
  }
  ~OnTwin() {
    const std::string alarm = twin::FirstAlarm();
    if (alarm.empty()) return;
    std::fprintf(stderr, "the twin: %s\n", alarm.c_str());
    std::_Exit(1);
  }
};
const OnTwin on_twin;

}  // namespace
}  // namespace layerd
