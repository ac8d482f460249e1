#ifndef LAYERD_DAEMON_SERVE_LIVE_PAGE_H_
#define LAYERD_DAEMON_SERVE_LIVE_PAGE_H_

namespace layerd {

// live_page.html: it asks for /metrics each second and draws it.
inline constexpr char kLivePage[] =
#include "daemon/serve/live_page_text.inc"
    ;

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_LIVE_PAGE_H_
