#ifndef LAYERD_DAEMON_PACK_RELAYOUT_LAYER_FILE_H_
#define LAYERD_DAEMON_PACK_RELAYOUT_LAYER_FILE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "kernels/backend.h"

namespace layerd {

// Writes the layer file `from` once more, for other kernels: the same program,
// cut as it was, with its weights laid out as `backend` wants them. No number
// changes, so no ONNX file is needed. `to` may be `from`, which is replaced
// when all is written.
//
// `progress` (may be null) hears how many weight bytes of how many are done.
//
// Memory: two extents.
// Errors: as VerifyLayerFile(), Program::Parse() and LayerFileWriter; as
//         `backend` has them of a part, and UNIMPLEMENTED where it does not
//         take a kernel that is stored with Winograd's transform, which nobody
//         can undo: with the layer.
absl::Status RelayoutLayerFile(
    const std::string& from, const std::string& to, const Backend& backend,
    const std::function<void(uint64_t done_bytes, uint64_t all_bytes)>&
        progress);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_RELAYOUT_LAYER_FILE_H_
