"""Did every call of a ghz run succeed?  gate.py REPORT.json CALLS

ghz itself exits 0 when all calls failed, and its latencies are of those that
did not; when none did, latencyDistribution is null. Prints one line; exits 1
if fewer than CALLS were made or any was not OK.
"""

import json
import sys


def judge(report, calls):
    """(all well, the line to print)"""
    codes = report.get("statusCodeDistribution") or {}
    answered = codes.get("OK", 0)
    latencies = {
        entry["percentage"]: entry["latency"] / 1e6
        for entry in report.get("latencyDistribution") or []
    }
    failed = {code: count for code, count in codes.items() if code != "OK"}
    well = not failed and answered == calls and bool(latencies)
    line = f"{answered} of {calls} calls answered"
    if failed:
        line += ", others: " + ", ".join(f"{k} {v}" for k, v in failed.items())
    if latencies:
        line += (
            f"; p50 {latencies[50]:.2f} ms, p99 {latencies[99]:.2f} ms, "
            f"{report['rps']:.0f} calls/s"
        )
    for reason, count in (report.get("errorDistribution") or {}).items():
        line += f"\n  {count} x {reason}"
    return well, line


def main():
    with open(sys.argv[1]) as file:
        report = json.load(file)
    well, line = judge(report, int(sys.argv[2]))
    print(line)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
