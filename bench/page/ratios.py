"""The ratios this project promises, computed from one run."""

from dataclasses import dataclass, field
from typing import Optional

from measurements import Measurements, Spread

NEAR, FAR = "near", "far"

PULL = "IOCTL pull"
SIZES = (160, 1056)


@dataclass
class Ratio:
    name: str
    what: str
    target: float
    far_target: float
    spread: dict = field(default_factory=dict)  # by regime
    at_most: bool = False
    absolute: bool = False  # a rate of this machine; the regression check leaves it out

    def regime(self) -> Optional[str]:
        """The regime whose value is reported: near when it was measured."""
        return NEAR if NEAR in self.spread else FAR if FAR in self.spread else None

    def target_in(self, regime):
        return self.far_target if regime == FAR else self.target

    def reached(self, regime):
        value, target = self.spread[regime].median, self.target_in(regime)
        return value <= target if self.at_most else value >= target

    def line(self):
        regime = self.regime()
        if regime is None:
            return f"ratio {self.name} none target {self.target:g} short"
        verdict = "ok" if self.reached(regime) else "short"
        return (f"ratio {self.name}/{regime} {self.spread[regime].median:.3g} "
                f"target {'<=' if self.at_most else ''}{self.target_in(regime):g} {verdict}")


class Computation:
    def __init__(self, measurements: Measurements):
        self.measurements = measurements
        self.ratios = []

    def add(self, name, what, target, compute, far_target=None, **options):
        """compute(regime) gives a Spread or None."""
        ratio = Ratio(name, what, target, target if far_target is None else far_target, **options)
        for regime in (NEAR, FAR):
            spread = compute(regime)
            if spread is not None:
                ratio.spread[regime] = spread
        self.ratios.append(ratio)

    def add_pair(self, name, what, target, above, below, value, **options):
        self.add(name, what, target, lambda regime: self.measurements.ratio(above, below, value, regime), **options)


def throughput(size, contender):
    return "throughput", {"bytes": size}, contender


def add_throughput(computation):
    rivals = (
        ("ring/pull", PULL, "IOCTL pull without pause", (10, 5), (None, None)),
        ("ring/block-handoff", "block hand-off", "block hand-off limit", (0.75, 0.9), (0.8, 0.8)),
        ("ring/unvalidated", "unvalidated ring", "unvalidated broadcast ring", (1.0, 1.0), (None, None)),
        ("ring/boost-spsc", "boost spsc_queue", "boost spsc_queue", (1.5, 1.2), (None, None)),
        ("ring/moodycamel", "moodycamel ConcurrentQueue", "moodycamel ConcurrentQueue", (1.5, 1.2), (None, None)),
        ("ring/mutex-deque", "mutex + deque", "mutex + deque", (20, 15), (None, None)),
        ("ring/spinlock-list", "spinlock + list", "spinlock + list with allocation", (25, 9), (None, None)),
    )
    for name, contender, what, targets, far_targets in rivals:
        for size, target, far_target in zip(SIZES, targets, far_targets):
            computation.add_pair(f"{name}/{size}", f"ring over {what}, delivered events per second, {size} bytes",
                                 target, throughput(size, "ring"), throughput(size, contender), "rate",
                                 far_target=far_target)
    for size, target in zip(SIZES, (10, 5)):
        computation.add_pair(f"cpu-pull/ring/{size}", f"CPU time per event, IOCTL pull over ring, {size} bytes", target,
                             throughput(size, PULL), throughput(size, "ring"), "cpu_ns")
    for size in SIZES:
        computation.add_pair(f"bell/no-bell/{size}",
                             f"ring with a busy consumer's doorbell over ring without, {size} bytes", 0.6,
                             throughput(size, "ring, doorbell registered"), throughput(size, "ring"), "rate")


def add_latency(computation):
    computation.add_pair("one-way/line", "one way through the ring, spinning, over a cache-line transfer, 160 bytes", 1.0,
                         ("one way", {}, "ring, 160 bytes"), ("one way", {}, "cache line"), "one_way_ns", at_most=True)
    load = {"per_second": 10000}
    computation.add_pair("pull-200ms/doorbell", "median latency, 200 ms pull over doorbell, 10,000 events per second",
                         1000, ("latency", load, "IOCTL pull, 200 ms"), ("latency", load, "ring, doorbell"), "p50_ns")


def add_publishing(computation):
    parameters = {"bytes": 160}
    for kind in ("driver", "ring alone"):
        suite = f"publish cost, {kind}"
        computation.add_pair(f"publish-8-asleep/1-asleep/{kind.split()[0]}",
                             f"publish with 8 sleeping consumers over publish with one ({kind})", 1.5,
                             (suite, parameters, "8 asleep"), (suite, parameters, "1 asleep"), "publish_ns",
                             at_most=True)
    computation.add("signals-per-10000", "signals that a busy consumer gets in 10,000 events", 1.0,
                    lambda regime: computation.measurements.spread(
                        "flood", parameters, "ring through the driver, doorbell", "signals_per_10000", regime),
                    at_most=True)
    computation.add_pair("2-producers/1", "two contending producers over one, events published per second", 0.7,
                         ("contention", parameters, "driver, 2 producers"),
                         ("contention", parameters, "driver, 1 producer"), "rate")


def overload_ratio(measurements, contender, regime):
    """Goodput at four times the capacity over the best goodput without overload, round by round."""
    suite, parameters = f"overload, {contender}", {"bytes": 160}
    unloaded = [measurements.accepted(suite, parameters, factor, regime) for factor in ("0.8", "0.9", "1")]
    ratios = []
    for number, sample in measurements.accepted(suite, parameters, "4", regime).items():
        best = [rounds[number]["values"]["goodput"] for rounds in unloaded if number in rounds]
        if best:
            ratios.append(sample["values"]["goodput"] / max(best))
    return Spread(ratios) if ratios else None


def compute(measurements):
    computation = Computation(measurements)
    add_throughput(computation)
    add_latency(computation)
    add_publishing(computation)
    computation.add("overload-4x/unloaded", "goodput at 4 times what the consumer can take, over its unloaded maximum",
                    0.9, lambda regime: overload_ratio(measurements, "ring", regime))

    def agent_rate(regime):
        spread = measurements.spread("agent", {}, "to NDJSON", "rate", regime)
        if spread is not None:
            spread.median, spread.low, spread.high = (x / 1e6 for x in (spread.median, spread.low, spread.high))
        return spread

    computation.add("agent-ndjson", "agent from ring to NDJSON, million events per second on one core", 1.0, agent_rate,
                    absolute=True)
    return computation.ratios


def guarded(measurements):
    """What the regression check compares: the ratios, and in place of the agent's rate its rate over reading alone."""
    computation = Computation(measurements)
    computation.ratios = [ratio for ratio in compute(measurements) if not ratio.absolute]
    computation.add_pair("agent-ndjson/reading", "agent from ring to NDJSON over reading alone", None,
                         ("agent", {}, "to NDJSON"), ("agent", {}, "reading alone"), "rate")
    return computation.ratios
