#ifndef LAYERD_DAEMON_PACK_ONNX_FILE_KIND_H_
#define LAYERD_DAEMON_PACK_ONNX_FILE_KIND_H_

#include <string>

#include "daemon/pack/graph/source_file.h"

namespace layerd {

// What a file is that is no ONNX file, by how it begins, and what makes one of
// it: "is gzip-compressed: unpack it first (gunzip)". Empty if nobody knows.
//
// Why: people have their network in many formats, and a downloaded file is
// often none of them. "At byte 0: no field number" helps nobody.
std::string OtherKindOf(const SourceFile& file);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_FILE_KIND_H_
