#ifndef LAYERD_DAEMON_PACK_EXTENT_PARTS_H_
#define LAYERD_DAEMON_PACK_EXTENT_PARTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/program.h"

namespace layerd {

// The first part that computes with each extent of `program`, or looks it up:
// whoever makes another file of a layer file sees its weights as that part
// does.
//
// Errors: UNIMPLEMENTED if parts see the same extent in different ways, which
//         the packer never makes.
// Ownership: loans of `program`.
absl::StatusOr<std::vector<const Part*>> FirstPartsOf(const Program& program);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_EXTENT_PARTS_H_
