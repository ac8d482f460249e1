#ifndef LAYERD_DAEMON_CTL_COMMANDS_H_
#define LAYERD_DAEMON_CTL_COMMANDS_H_

#include <vector>

#include "daemon/ctl/command_line.h"

namespace layerd {

// What layerctl knows, one file each.
Command PackCommand();
Command InspectCommand();
Command VerifyCommand();
Command RepackCommand();
Command RunCommand();
Command ProbeCommand();
Command PlanCommand();
Command BenchCommand();
Command StatusCommand();
Command ModelsCommand();
Command InferCommand();
Command TraceCommand();
Command WatchCommand();
Command LoadCommand();
Command UnloadCommand();
Command StatsCommand();
Command BudgetCommand();
Command MeasureCommand();

// --address, of those that talk to a daemon.
Option AddressOption();

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_COMMANDS_H_
