"""The results of one run of aegis-bench, and the statistics the page and the checks share."""

import json
from collections import defaultdict

# Two samples may meet in one ratio when their cache-line transfers differ by no more than this factor.
MAX_TRANSFER_RATIO = 1.35
# And when the cores ran at the same speed.
MAX_SPEED_RATIO = 1.06


def quantile(values, part):
    ordered = sorted(values)
    position = part * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def alike(first, second, condition, most):
    below, above = sorted((first[condition], second[condition]))
    return above <= most * below


class Spread:
    """Median and quartiles of some values."""

    def __init__(self, values):
        self.count = len(values)
        self.median = quantile(values, 0.5)
        self.low = quantile(values, 0.25)
        self.high = quantile(values, 0.75)


class Measurements:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.machine = data["machine"]
        self.contenders = {record["name"]: record for record in data["contenders"]}
        self.skipped = data["skipped"]
        self.incomplete = data["incomplete"]
        self.distributions = data["distributions"]
        self.samples = data["samples"]
        self._accepted = defaultdict(list)
        for sample in self.samples:
            if sample["accepted"]:
                self._accepted[self._key(sample["suite"], sample["parameters"], sample["contender"])].append(sample)

    @staticmethod
    def _key(suite, parameters, contender):
        return suite, tuple(sorted(parameters.items())), contender

    def accepted(self, suite, parameters, contender, regime):
        """Samples that count, by round."""
        samples = self._accepted.get(self._key(suite, parameters, contender), [])
        return {sample["round"]: sample for sample in samples if sample["regime"] == regime}

    def measured(self, suite, parameters, contender):
        """Whether the run took any such sample, counted or not."""
        key = self._key(suite, parameters, contender)
        return any(self._key(s["suite"], s["parameters"], s["contender"]) == key for s in self.samples)

    def spread(self, suite, parameters, contender, value, regime):
        """Spread of one value, or None when nothing counted."""
        samples = self.accepted(suite, parameters, contender, regime).values()
        return Spread([sample["values"][value] for sample in samples]) if samples else None

    def ratio(self, above, below, value, regime):
        """Spread of the rounds' ratios of one value between two contenders; None when no round has both.

        above and below are (suite, parameters, contender).
        """
        numerators = self.accepted(*above, regime)
        denominators = self.accepted(*below, regime)
        ratios = []
        for number in numerators.keys() & denominators.keys():
            first, second = numerators[number], denominators[number]
            if (alike(first, second, "transfer_ns", MAX_TRANSFER_RATIO) and
                    alike(first, second, "step_ns", MAX_SPEED_RATIO) and second["values"][value] != 0):
                ratios.append(first["values"][value] / second["values"][value])
        return Spread(ratios) if ratios else None

    def names(self, suite, parameters):
        """Contenders of a group, in the order they were measured."""
        seen = {}
        for sample in self.samples:
            if sample["suite"] == suite and sample["parameters"] == parameters:
                seen[sample["contender"]] = None
        return list(seen)

    def parameter_values(self, suite, name):
        return sorted({sample["parameters"][name] for sample in self.samples if sample["suite"] == suite})

    def transfers(self, regime):
        values = [sample["transfer_ns"] for sample in self.samples if sample["accepted"] and sample["regime"] == regime]
        return Spread(values) if values else None

    def regimes(self):
        """Regimes with samples, the one with more of them first."""
        counts = defaultdict(int)
        for sample in self.samples:
            if sample["accepted"]:
                counts[sample["regime"]] += 1
        return sorted(counts, key=counts.get, reverse=True)

    def dropped(self):
        """How many samples did not count, by reason without its numbers."""
        reasons = defaultdict(int)
        for sample in self.samples:
            if not sample["accepted"]:
                reason = sample["reason"]
                reasons["line transfer changed" if reason.startswith("line transfer") else
                        "the clock changed" if reason.startswith("clock") else
                        "CPU time was lost" if "lost" in reason or "switched" in reason else reason] += 1
        return dict(reasons)
