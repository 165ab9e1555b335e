#!/usr/bin/env python3
"""Records how large the process events are that a command causes, seen by the sensor in its Linux host.

usage: record.py COMMAND [ARGUMENT…] > process_events.inc

The list has one number per event, in order: its size in a ring, header included. The sensor sees the whole machine: what
else it started meanwhile is in the list as well. Needs root, as the connector does, and a built agent and host.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = ROOT / "build" / "release" / "bin" / "aegis-agent"
HEADER_BYTES = 16
FIXED_PAYLOAD_BYTES = 16
PATH_UNITS_AT_MOST = 511
START_ATTEMPTS = 100


def event_bytes(line):
    event = json.loads(line)
    if event["event"]["action"] not in ("process-start", "process-end"):
        sys.exit(f"record.py: no process event: {line}")
    path = ""
    if event["event"]["action"] == "process-start":
        path = event["process"].get("executable", "")
    units = len(path.encode("utf-16-le", "surrogatepass")) // 2
    if units >= PATH_UNITS_AT_MOST:
        sys.exit("record.py: a path that may have been cut: its event would be counted too small")
    return HEADER_BYTES + FIXED_PAYLOAD_BYTES + 2 * units


def record(command, output):
    """Runs the command while the agent writes what it sees into `output`."""
    # --source connector: polling /proc would miss short processes. --fail-on-loss: a list with a hole is none.
    agent = subprocess.Popen([AGENT, "--source", "connector", "--output", "ndjson", "--fail-on-loss"], stdout=output)
    try:
        for _ in range(START_ATTEMPTS):
            subprocess.run(["true"], check=True)  # whose own events are in the list
            if os.fstat(output.fileno()).st_size != 0:
                break
            time.sleep(0.1)
        else:
            sys.exit("record.py: the agent sees nothing")
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    finally:
        agent.send_signal(signal.SIGINT)
        status = agent.wait()
    if status != 0:
        sys.exit(f"record.py: the agent ended with {status}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        record(sys.argv[1:], output)
        output.seek(0)
        sizes = [event_bytes(line) for line in output]
    print(textwrap.fill(", ".join(map(str, sizes)), 118))


if __name__ == "__main__":
    main()
