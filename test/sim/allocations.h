#ifndef LAYERD_TEST_SIM_ALLOCATIONS_H_
#define LAYERD_TEST_SIM_ALLOCATIONS_H_

#include <cstdint>

namespace layerd {

// How often this process called operator new. Whatever links this library has
// its own new and delete, so such a test is a program by itself.
uint64_t Allocations();

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_ALLOCATIONS_H_
