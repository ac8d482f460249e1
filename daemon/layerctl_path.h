#ifndef LAYERD_DAEMON_LAYERCTL_PATH_H_
#define LAYERD_DAEMON_LAYERCTL_PATH_H_

#include <string>

namespace layerd {

// The program that packs for us: beside this one, in ctl/ beside it (where
// Bazel puts it), then in $PATH; its bare name if it is nowhere.
std::string LayerctlPath();

}  // namespace layerd

#endif  // LAYERD_DAEMON_LAYERCTL_PATH_H_
