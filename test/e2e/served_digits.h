#ifndef LAYERD_TEST_E2E_SERVED_DIGITS_H_
#define LAYERD_TEST_E2E_SERVED_DIGITS_H_

#include <optional>

#include "config/check.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/wire_client.h"

namespace layerd {

// A daemon that serves the digits network as "digits" and is ready, and a
// client of it. A test may end them, and begin others.
struct ServedDigits {
  explicit ServedDigits(const DaemonOptions& options = {}) {
    repository.AddLayers("digits", DigitsLayers());
    daemon.emplace(repository, options);
    LAYERD_CHECK(daemon->WaitUntilReady());
    client.emplace(daemon->address());
  }

  // It reads a digit right.
  bool IsWell() {
    const auto logits = AskDigit(&*client, "digits", 0);
    return logits.ok() && Agrees(*logits, ExpectedLogits(0));
  }

  TestRepository repository;
  std::optional<DaemonProcess> daemon;
  std::optional<WireClient> client;
};

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_SERVED_DIGITS_H_
