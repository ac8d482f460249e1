#ifndef LAYERD_CONFIG_VERSION_H_
#define LAYERD_CONFIG_VERSION_H_

namespace layerd {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace layerd

#endif  // LAYERD_CONFIG_VERSION_H_
