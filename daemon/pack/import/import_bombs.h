#ifndef LAYERD_DAEMON_PACK_IMPORT_IMPORT_BOMBS_H_
#define LAYERD_DAEMON_PACK_IMPORT_IMPORT_BOMBS_H_

#include <vector>

#include "daemon/pack/import/onnx_test_model.h"

namespace layerd {

// A small file that asks for very much, written out: to be refused with
// RESOURCE_EXHAUSTED, within seconds and in bounded memory. No seeds of a
// fuzzer: what takes seconds takes minutes there.
struct ImportBomb {
  const char* name;
  TestModel model;
};

std::vector<ImportBomb> ImportBombs();

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_IMPORT_BOMBS_H_
