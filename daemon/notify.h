#ifndef LAYERD_DAEMON_NOTIFY_H_
#define LAYERD_DAEMON_NOTIFY_H_

#include <string>

namespace layerd {

// Tells the service manager how we are: "READY=1", "STOPPING=1",
// "STATUS=...". One datagram to $NOTIFY_SOCKET (sd_notify(3) has the
// protocol); nothing where that is not set. Returns whether it was sent.
bool Notify(const std::string& state);

}  // namespace layerd

#endif  // LAYERD_DAEMON_NOTIFY_H_
