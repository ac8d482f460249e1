#ifndef LAYERD_DAEMON_PLAN_PROGRAM_SKETCH_H_
#define LAYERD_DAEMON_PLAN_PROGRAM_SKETCH_H_

#include <cstdint>
#include <random>
#include <vector>

#include "daemon/plan/program.h"

namespace layerd {

// Programs as the planner's tests need them: buffers, extents, reads and parts
// that could be, but operators that compute nothing.

// A chain of one layer and one part for each extent; buffer i feeds layer i.
Program Sketch(const std::vector<uint64_t>& extent_bytes);

// One more layer at the end of the chain, which reads `extent` again.
void AppendRead(Program* program, uint32_t extent);

// Layers of several parts, parts that share extents, extents that are held
// while later ones come, extents that are read twice, buffers that branch,
// residuals.
Program RandomSketch(std::mt19937& random);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_PROGRAM_SKETCH_H_
