// For the checks of devices, linked with the twin: it keeps time, and what it
// has to complain about fails the program.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/gpu/twin/twin.h"

namespace layerd {
namespace {

struct OnTwin {
  OnTwin() { twin::Reset({.seed = 5, .library_seed = 5, .timed = true}); }
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
