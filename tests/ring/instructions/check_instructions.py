#!/usr/bin/env python3
"""Counts the instructions of one publish and of one read, in the code as the compiler made it, and holds them to limits.

Valgrind counts; what starting and ending the program takes cancels out between a short run and a long one. A count says
nothing of time, but it is the same on every machine, and a copy that fell back to bytes, a call that is not inlined any
more or a field that is loaded again and again shows in it at once.
"""

import argparse
import re
import subprocess
import sys

# Event bytes, header included: most instructions of a publish, of a read, and of a read in a batch.
LIMITS = {
    48: (60, 51, 53),
    61: (67, 54, 56),
    160: (88, 74, 76),
    320: (220, 218, 220),
    1056: (453, 412, 414),
}
SHORT, LONG = 640, 6400


def counted(program, what, size, events):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, what, str(size), str(events)]
    result = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)} failed ({result.returncode}):\n{result.stderr}")
    return int(found.group(1))


def per_event(program, what, size):
    return (counted(program, what, size, LONG) - counted(program, what, size, SHORT)) / (LONG - SHORT)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    options = parser.parse_args()
    too_many = []
    for size, limits in LIMITS.items():
        publish = per_event(options.program, "publish", size)
        read = per_event(options.program, "read", size) - publish
        batch = per_event(options.program, "batch", size) - publish
        for what, count, limit in zip(("publish", "read", "batch"), (publish, read, batch), limits):
            print(f"{size:5} bytes  {what:8} {count:6.1f} instructions, at most {limit}")
            if count > limit:
                too_many.append(f"{what} of {size} bytes takes {count:.1f} instructions, more than {limit}")
    sys.exit("\n".join(too_many) or 0)


if __name__ == "__main__":
    main()
