"""The ratios this project promises, computed from one run."""

from dataclasses import dataclass, field
from typing import Optional

from measurements import Measurements, Spread

NEAR, FAR = "near", "far"

PULL = "IOCTL pull"
SIZES = (160, 1056)
LIBRARY_SIZES = (48, 160, 1056)
ALL_SIZES = (48, 160, 320, 1056)


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


def rings(size, contender):
    return "rings", {"bytes": size}, contender


def add_rings(computation):
    """Beside queues that leave out most of what the ring does, each at its best."""
    rivals = (
        ("ring/disruptor", "disruptor, copied out", (0.8, 0.95, 1.1, 1.0), None),
        ("ring/spsc", "SPSC ring, in place", (0.75, 0.85, 0.75, 0.8), (1.2, 1.3, 1.2, 1.0)),
        ("ring/block-handoff", "block hand-off", (0.5, 0.75, 0.8, 0.8), None),
    )
    for name, contender, targets, far_targets in rivals:
        for size, target, far_target in zip(ALL_SIZES, targets, far_targets or targets):
            computation.add_pair(f"{name}/{size}", f"ring over {contender}, delivered events per second, {size} bytes",
                                 target, rings(size, "ring"), rings(size, contender), "rate", far_target=far_target)
    for size, target in zip(ALL_SIZES, (1.5, 1.05, 1.0, 1.0)):
        parameters = {"bytes": size}
        computation.add_pair(f"one-core/disruptor/{size}",
                             f"time of publish, read and check on one core, ring over disruptor, copied out, {size} bytes",
                             target, ("rings on one core", parameters, "ring"),
                             ("rings on one core", parameters, "disruptor, copied out"), "message_ns", at_most=True)
    for size, target in zip(ALL_SIZES, (0.85, 0.85, 0.85, 0.9)):
        computation.add_pair(f"bell/no-bell/{size}",
                             f"ring with a busy consumer's doorbell over ring without, {size} bytes", target,
                             rings(size, "ring, doorbell registered"), rings(size, "ring"), "rate")


def add_throughput(computation):
    rivals = (
        ("ring/pull", PULL, "IOCTL pull without pause", (10, 5), (None, None)),
        ("ring/unvalidated", "unvalidated ring", "unvalidated broadcast ring", (1.0, 1.0), (None, None)),
        ("ring/boost-spsc", "boost spsc_queue", "boost spsc_queue", (1.5, 1.2), (None, None)),
        ("ring/moodycamel", "moodycamel ConcurrentQueue", "moodycamel ConcurrentQueue", (1.5, 1.2), (None, None)),
    )
    for name, contender, what, targets, far_targets in rivals:
        for size, target, far_target in zip(SIZES, targets, far_targets):
            computation.add_pair(f"{name}/{size}", f"ring over {what}, delivered events per second, {size} bytes",
                                 target, throughput(size, "ring"), throughput(size, contender), "rate",
                                 far_target=far_target)
    for size, target in zip(SIZES, (10, 5)):
        computation.add_pair(f"cpu-pull/ring/{size}", f"CPU time per event, IOCTL pull over ring, {size} bytes", target,
                             throughput(size, PULL), throughput(size, "ring"), "cpu_ns")


def add_library(computation):
    # Each beside headers that do the same: look at one event after the other, or keep a batch of them.
    for call, below, what in (("visit", "ring", "the ring's headers"),
                              ("next_batch", "ring, a batch kept", "the ring's headers with a batch kept")):
        for size in LIBRARY_SIZES:
            parameters = {"bytes": size}
            computation.add_pair(f"library/{call.replace('_', '-')}/{size}",
                                 f"libaegis, `aegis_{call}`, over {what}, delivered events per second, {size} bytes",
                                 0.9, ("library", parameters, f"libaegis, aegis_{call}"),
                                 ("library", parameters, below), "rate")


def add_latency(computation):
    computation.add_pair("one-way/word",
                         "one way through the ring, spinning, over a word that one side writes and the other reads, "
                         "160 bytes", 1.3, ("one way", {}, "ring, 160 bytes"),
                         ("one way", {}, "one word, one direction"), "one_way_ns", at_most=True)
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
    add_rings(computation)
    add_library(computation)
    add_throughput(computation)
    add_latency(computation)
    add_publishing(computation)
    for contender, name, of in (("a build", "build", "of a recorded build"),
                                ("a build, device names", "build-device-names", "of that build with device names")):
        computation.add(f"kept/slots/{name}",
                        f"process events {of} that the ring keeps, over version 1 in the same memory", 4.0,
                        lambda regime, contender=contender: measurements.spread("kept events", {}, contender,
                                                                                "over_slots", regime))
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
