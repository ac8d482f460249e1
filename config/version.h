#ifndef LAYERD_CONFIG_VERSION_H_
#define LAYERD_CONFIG_VERSION_H_

namespace layerd {

// What is packed is kept by version: another one packs everything again, so it
// changes whenever packing makes something else of a model.
inline constexpr char kVersion[] = "0.2.3";

}  // namespace layerd

#endif  // LAYERD_CONFIG_VERSION_H_
