#ifndef LAYERD_DAEMON_PLAN_CERTIFICATE_H_
#define LAYERD_DAEMON_PLAN_CERTIFICATE_H_

#include <string>
#include <vector>

#include "daemon/plan/schedulability.h"

namespace layerd {

// Why a set of tasks was admitted, as JSON: every number that the analysis used
// and every one that it found, so that somebody else can do it again without
// this code (test/certificate/check.py does).
//
// A table of parts is written once and named by its digest: FNV-1a, 64 bits,
// over its text.
std::string CertificateJson(const std::vector<TaskProgram>& tasks,
                            const Supply& supply,
                            const std::vector<Guarantee>& guarantees);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_CERTIFICATE_H_
