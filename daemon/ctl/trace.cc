// layerctl trace: what the daemon did last, for a trace viewer.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"
#include "daemon/sched/broken_promise.h"

namespace layerd {
namespace {

constexpr char kDefaultPath[] = "trace.json";
// Rows of the viewer: one process for each, levels as its threads.
enum Row { kCompute = 1, kRequests = 2, kDrive = 3 };

struct Place {
  Row row;
  const char* phase;  // Of the trace event format.
};

Place PlaceOf(const std::string& kind) {
  if (kind == "read") return {kDrive, "X"};
  if (kind == "part" || kind == "wait") return {kCompute, "X"};
  for (const char* of_request : {"received", "queued", "job", "sent",
                                 "computed", "taken", "late", "refused"}) {
    if (kind == of_request) return {kRequests, "X"};
  }
  return {kCompute, "i"};
}

std::string NameOf(const admin::TraceEvent& event) {
  if (event.kind() == "part") {
    return absl::StrCat(event.model(), " part ", event.number());
  }
  if (event.kind() == "read") return "read";
  return absl::StrCat(event.model(), " ", event.kind());
}

void AddRowName(Row row, const char* name, JsonWriter* json) {
  json->BeginObject();
  json->Add("name", "process_name");
  json->Add("ph", "M");
  json->Add("pid", static_cast<int>(row));
  json->BeginObject("args");
  json->Add("name", name);
  json->EndObject();
  json->EndObject();
}

void AddEvent(const admin::TraceEvent& event, JsonWriter* json) {
  const Place place = PlaceOf(event.kind());
  json->BeginObject();
  json->Add("name", NameOf(event));
  json->Add("cat", event.kind());
  json->Add("ph", place.phase);
  json->Add("ts", static_cast<double>(event.begin_ns()) / 1e3);
  if (place.phase[0] == 'X') {
    json->Add("dur", static_cast<double>(event.duration_ns()) / 1e3);
  } else {
    json->Add("s", "t");
  }
  json->Add("pid", static_cast<int>(place.row));
  // Requests of a level may overlap, so each has a line of its own.
  json->Add("tid", place.row == kRequests ? event.job() : event.level());
  json->BeginObject("args");
  json->Add("job", event.job());
  json->Add("level", event.level());
  if (!event.version().empty()) json->Add("version", event.version());
  if (event.kind() == "read") {
    json->Add("bytes", event.number());
  } else if (event.kind() == "sent") {
    json->Add("read_kib", event.number());
  } else if (event.kind() == "computed") {
    json->Add("waited_us", event.number());
  } else if (event.kind() == "late" && event.number() < kAssumptions) {
    json->Add("broken", kBreachNames[event.number()]);
  } else if (event.kind() == "job" || event.kind() == "refused") {
    json->Add("status", absl::StatusCodeToString(
                            static_cast<absl::StatusCode>(event.number())));
  }
  json->EndObject();
  json->EndObject();
}

std::string ChromeJson(const admin::TraceResponse& trace) {
  JsonWriter json;
  json.BeginObject();
  json.Add("displayTimeUnit", "ms");
  json.BeginArray("traceEvents");
  AddRowName(kCompute, "compute, by level", &json);
  AddRowName(kRequests, "requests", &json);
  AddRowName(kDrive, "drive", &json);
  for (const admin::TraceEvent& event : trace.events()) AddEvent(event, &json);
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

absl::Status RunTrace(const CommandLine& line) {
  const std::string path = line.Text("--output", kDefaultPath);
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  ASSIGN_OR_RETURN(const admin::TraceResponse trace, client->Trace());
  RETURN_IF_ERROR(WriteResult(path, ChromeJson(trace)));
  if (!line.json()) {
    return WriteAnswer(
        absl::StrFormat("%s: the last %d events; open it in ui.perfetto.dev or "
                        "chrome://tracing\n",
                        path, trace.events_size()));
  }
  JsonWriter json;
  json.BeginObject();
  json.Add("output", path);
  json.Add("events", trace.events_size());
  json.EndObject();
  return WriteAnswer(json.Finish());
}

}  // namespace

Command TraceCommand() {
  return {
      .name = "trace",
      .operands = "",
      .operand_count_min = 0,
      .operand_count_max = 0,
      .summary = "Writes what a running layerd did last, for a trace viewer.",
      .options = {{.name = "--output",
                   .value = "t.json",
                   .help = "Chrome's trace format; default trace.json",
                   .short_name = "-o"},
                  AddressOption()},
      .notes =
          "Parts and waits by level, requests (received, queued, answered, "
          "sent, refused;\nhow long they computed, and for how long their CPU "
          "was taken from them),\npreemptions, deadlines, and reads of the "
          "drive. Always recorded: the last 8192\nevents of requests, as many "
          "of the rest, and as many that took 2 ms or longer.",
      .run = RunTrace,
  };
}

}  // namespace layerd
