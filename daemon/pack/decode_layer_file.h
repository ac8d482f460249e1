#ifndef LAYERD_DAEMON_PACK_DECODE_LAYER_FILE_H_
#define LAYERD_DAEMON_PACK_DECODE_LAYER_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace layerd {

// Writes the f32 twin of a layer file with narrow weights: the same program,
// part by part, with the same weights decoded once for all. What the one
// answers, the other answers bit for bit; so it is the ruler for what decoding
// at each use costs, and the judge of whether it is right.
//
// Memory: two extents.
// Errors: as LayerFileReader::Open(), Program::Parse() and LayerFileWriter;
//         DATA_LOSS for a wrong checksum; UNIMPLEMENTED if parts see the same
//         extent in different ways, which the packer never makes.
absl::Status DecodeLayerFile(const std::string& from, const std::string& to);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_DECODE_LAYER_FILE_H_
