"""Compares the ratios of several runs of the same kind with the committed ones.

usage: check.py BASELINE.json RESULTS.json…            says what moved by more than the noise; exit code 1 if anything did
       check.py --accept BASELINE.json RESULTS.json…   makes these runs the baseline

The noise is what quartiles span over all runs: where memory and threads happen to lie moves a whole run, which the
quartiles of that run alone do not show.
"""

import json
import statistics
import sys

import ratios as ratio_list
from measurements import Measurements

# Quartiles of fewer samples say nothing about the noise.
FEWEST_SAMPLES = 5


def summary(runs):
    """{name/regime: [median, low quartile, high quartile]} of the ratios that two runs have, or the only one."""
    spreads = {}
    for results in runs:
        for ratio in ratio_list.guarded(Measurements(results)):
            for regime, spread in ratio.spread.items():
                if spread.count >= FEWEST_SAMPLES:
                    spreads.setdefault(f"{ratio.name}/{regime}", []).append(spread)
    return {name: [round(x, 6) for x in (statistics.median(one.median for one in all_runs),
                                         min(one.low for one in all_runs), max(one.high for one in all_runs))]
            for name, all_runs in spreads.items() if len(all_runs) >= min(2, len(runs))}


def moved(before, after):
    """Beyond the noise: the quartiles do not meet, and the medians differ by more than both spreads."""
    apart = after[1] > before[2] or after[2] < before[1]
    noise = (before[2] - before[1]) + (after[2] - after[1])
    return apart and abs(after[0] - before[0]) > noise


def compare(baseline, current):
    changed = 0
    for name, before in baseline.items():
        after = current.get(name)
        if after is not None and moved(before, after):
            changed += 1
            print(f"moved {name} {before[0]:.3g} -> {after[0]:.3g} "
                  f"(was {before[1]:.3g} – {before[2]:.3g}, is {after[1]:.3g} – {after[2]:.3g})")
    missing = [name for name in baseline if name not in current]
    for name in missing:
        print(f"not compared {name}: fewer than {FEWEST_SAMPLES} samples of it count in two of the runs")
    compared = len(baseline) - len(missing)
    print(f"bench-check: {compared} ratios compared, {changed} moved, {len(missing)} not compared")
    if compared == 0:
        print("bench-check: nothing can be said: this machine was not quiet, or has another regime than the committed run",
              file=sys.stderr)
        return 2
    return 1 if changed else 0


def accept(current, baseline_path):
    if not current:
        sys.exit("bench-accept: no ratio of these runs has enough samples that count; measure again on a quiet machine")
    with open(baseline_path, "w", encoding="utf-8") as file:
        json.dump(current, file, indent=4, sort_keys=True)
        file.write("\n")
    print(f"bench-accept: {len(current)} ratios are now in {baseline_path}; commit it")


def main():
    arguments = sys.argv[1:]
    accepting = arguments[:1] == ["--accept"]
    arguments = arguments[1:] if accepting else arguments
    if len(arguments) < 2:
        sys.exit(__doc__)
    baseline_path, *runs = arguments
    current = summary(runs)
    if accepting:
        accept(current, baseline_path)
        return
    with open(baseline_path, encoding="utf-8") as file:
        baseline = json.load(file)
    sys.exit(compare(baseline, current))


if __name__ == "__main__":
    main()
