// write_certificate SEED fifo|edf    writes the certificate of an admitted set:
// for check_test.py.

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "daemon/plan/certificate.h"
#include "test/sim/task_set.h"

int main(int argc, char** argv) {
  using namespace layerd;
  const std::vector<PartTable> tables = AllPartTables();
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const SimMachine& machine = kMachines[seed % 3];
  Supply supply = SupplyOf(machine, RingsOf(8 << 20));
  supply.earliest_deadline_first =
      argc > 2 && std::string_view(argv[2]) == "edf";
  // Some of them on a device, which is given parts ahead.
  if (seed % 5 == 0) supply.parts_open_max = kTicketsOpenMax;
  if (seed % 7 == 0) supply.first_read_seconds = 1e-4;
  const bool eased = supply.parts_open_max > 1 || seed % 7 == 0;
  const double utilization = eased ? 0.5 : 0.8;
  for (uint64_t draw = seed * 100;; ++draw) {
    auto programs =
        ProgramsOf(DrawTaskSet(tables, machine, utilization, draw), machine);
    // Served on a machine where parts took longer, or as long as they should.
    programs.back().seen_part_seconds = 2e-3 * static_cast<double>(seed % 3);
    // Or one whose parts without weights look rows up.
    if (seed % 7 == 0) {
      TaskProgram& task = programs[draw % programs.size()];
      for (size_t part = 0; part < task.parts.size(); ++part) {
        if (task.parts[part].read || task.lookups.size() == 3) continue;
        task.lookups.push_back({part, 2, 8, 8 << 12});
      }
    }
    const auto guarantees = *Guarantees(programs, supply);
    bool admitted = true;
    for (const Guarantee& guarantee : guarantees) {
      admitted = admitted && guarantee.holds;
    }
    if (!admitted) continue;
    const std::string json = CertificateJson(programs, supply, guarantees);
    return std::fputs(json.c_str(), stdout) < 0;
  }
}
