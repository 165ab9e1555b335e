"""Renders docs/benchmarks.md and its plots from what aegis-bench and aegis-bench-micro measured.

usage: render.py RESULTS.json MICRO.json PAGE.md
"""

import json
import re
import sys
import textwrap
from pathlib import Path

import ratios as ratio_list
from measurements import Measurements
from plots import Plotter

FINDINGS = Path(__file__).with_name("findings.md")
MILLION = 1e6


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread_text(spread, scale=1.0):
    if spread is None:
        return "not measured"
    return f"{number(spread.median / scale)} ({number(spread.low / scale)} – {number(spread.high / scale)})"


def filled_in(text, measurements, regime):
    """Replaces each {{suite | parameter=number… | contender | value}} by what this run measured, and the same with
    `/ contender` behind the contender by the ratio of the two. Nothing in the text is a number of another run."""

    def measured(match):
        suite, parameters, contender, value = (part.strip() for part in match.group(1).split("|"))
        parameters = {name: float(number) for name, number in (pair.split("=") for pair in parameters.split())}
        above, _, below = (part.strip() for part in contender.partition(" / "))
        for name in filter(None, (above, below)):
            if not measurements.measured(suite, parameters, name):
                sys.exit(f"{FINDINGS.name}: nothing was ever measured as {match.group(0)}")
        if below:
            spread = measurements.ratio((suite, parameters, above), (suite, parameters, below), value, regime)
        else:
            spread = measurements.spread(suite, parameters, above, value, regime)
        return number(spread.median) if spread else "(not measured)"

    paragraphs = re.sub(r"\{\{([^}]*)\}\}", measured, text).split("\n\n")
    return "\n\n".join(textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)
                       for paragraph in paragraphs) + "\n"


class Page:
    def __init__(self, measurements, micro, plotter):
        self.measurements = measurements
        self.micro = micro
        self.plotter = plotter
        self.parts = []
        regimes = measurements.regimes()
        self.regime = "near" if "near" in regimes else regimes[0] if regimes else "near"

    def text(self, text):
        self.parts.append(text.strip() + "\n")

    def plot(self, name, caption):
        self.parts.append(f"![{caption}](plots/{name}.svg)\n")

    def spread(self, suite, parameters, contender, value):
        return self.measurements.spread(suite, parameters, contender, value, self.regime)

    def machine(self):
        self.text("## Machine")
        rows = list(self.measurements.machine.items())
        for regime in ("near", "far"):
            transfers = self.measurements.transfers(regime)
            if transfers:
                rows.append((f"cache-line transfer, one way, {regime}",
                             f"{spread_text(transfers)} ns, {transfers.count} samples"))
        rows.append(("samples that count", f"{sum(sample['accepted'] for sample in self.measurements.samples):,}"))
        for reason, count in sorted(self.measurements.dropped().items()):
            rows.append(("samples that do not count", f"{count:,}: {reason}"))
        self.parts.append(table(("what", "value"), rows))
        self.text(f"""
The cores of a virtual machine sit near each other or far apart, and the host moves them. A transfer below 100 ns counts
as near. Each sample stands between two measurements of it, and of the speed of both cores, and counts only when both
agree, no side that never sleeps lost CPU time, and the hypervisor reports none taken; near and far, or fast and slow, never
meet in one number. A sample that does not count is repeated at once, twice at most, and is left out of everything below.
Where nothing else is said, numbers are medians with quartiles in parentheses, **{self.regime}** regime, of at least nine
rounds in which all contenders took turns.
""")
        if self.measurements.incomplete:
            self.text("These groups ended with fewer, because the machine did not leave them alone for long enough:")
            self.parts.append(table(("group", "rounds taken", "samples that count, of the contender with fewest", "wanted"),
                                    [(g["group"], g["rounds"], g["counted"], g["wanted"])
                                     for g in self.measurements.incomplete]))

    def ratios(self, ratios):
        self.text("## Ratios")
        rows = []
        for ratio in ratios:
            if ratio.regime() is None:
                rows.append((f"`{ratio.name}`", ratio.what, "not measured", ratio.target, ""))
            for regime, spread in ratio.spread.items():
                target = ("at most " if ratio.at_most else "at least ") + f"{ratio.target_in(regime):g}"
                rows.append((f"`{ratio.name}/{regime}`", ratio.what, f"{spread_text(spread)}, n={spread.count}", target,
                             "ok" if ratio.reached(regime) else "**short**"))
        self.parts.append(table(("name", "what", "median (quartiles)", "target", ""), rows))

    def rings(self):
        self.text("""
## Beside the fastest rings

Queues of one sender and one reader whose messages have one size that the compiler knows; what they do not do is listed
below. In place: the receiver checks a message where it lies. Copied out: it takes a private copy first, as everybody must
who may be overwritten.
""")
        for size in self.measurements.parameter_values("rings", "bytes"):
            parameters, rows = {"bytes": size}, []
            for name in self.measurements.names("rings", parameters):
                rate, corrupt = (self.spread("rings", parameters, name, value) for value in ("rate", "corrupt"))
                alone = self.spread("rings on one core", parameters, name, "message_ns")
                rows.append((name, spread_text(rate, MILLION), number(corrupt.median) if corrupt else "",
                             spread_text(alone) if alone else "–"))
            self.text(f"### {size:g} bytes, beside the fastest")
            self.parts.append(table(("contender", "million per second", "corrupt", "ns per message on one core"), rows))

    def library(self):
        sizes = self.measurements.parameter_values("library", "bytes")
        if sizes:
            self.text("""
## Through libaegis

One sender that never rests and one reader that checks every byte: with the ring's headers, and through the C interface of
the client library over the same ring.
""")
            rows = []
            for name in self.measurements.names("library", {"bytes": sizes[0]}):
                rates = [self.spread("library", {"bytes": size}, name, "rate") for size in sizes]
                rows.append((name, *(spread_text(rate, MILLION) if rate else "" for rate in rates)))
            self.parts.append(table(("million per second", *(f"{size:g} bytes" for size in sizes)), rows))

    def throughput(self):
        self.text("""
## Throughput

One sender that never rests, one receiver that checks every byte of every message; both pinned, on different cores. Who
finds nothing to read, or no room to write, pauses 64 times and looks again. Rates are messages that arrived intact.
Contenders that overwrite or drop show the lost part beside; the others make the sender wait. 4096 slots each.
""")
        for size in self.measurements.parameter_values("throughput", "bytes"):
            parameters = {"bytes": size}
            rows, bars = [], []
            for name in self.measurements.names("throughput", parameters):
                rate = self.spread("throughput", parameters, name, "rate")
                if rate is None:
                    rows.append((name, "not measured", "", "", ""))
                    continue
                lost = self.spread("throughput", parameters, name, "lost_part")
                corrupt = self.spread("throughput", parameters, name, "corrupt")
                cpu = self.spread("throughput", parameters, name, "cpu_ns")
                rows.append((name, spread_text(rate, MILLION), f"{100 * lost.median:.0f} %",
                             number(corrupt.median), spread_text(cpu)))
                bars.append((name, *(x / MILLION for x in (rate.median, rate.low, rate.high))))
            self.text(f"### {size:g} bytes")
            self.parts.append(table(("contender", "million per second", "lost", "corrupt", "CPU ns per message"), rows))
            if bars:
                name = f"throughput-{size:g}"
                self.plotter.bars(name, f"Delivered intact messages of {size:g} bytes ({self.regime})",
                                  "million per second", sorted(bars, key=lambda bar: -bar[1]))
                self.plot(name, f"Throughput at {size:g} bytes")

    def contenders(self):
        self.text("### What each contender does not do")
        self.parts.append(table(("contender", "what it is", "does not do"),
                                [(c["name"], c["what"], c["lacks"]) for c in self.measurements.contenders.values()]))
        for skipped in self.measurements.skipped:
            self.text(f"{skipped['contender']} was skipped: {skipped['reason']}.")

    def cell_sizes(self):
        self.text("## Cell sizes")
        rows = []
        for size in self.measurements.parameter_values("cell sizes", "bytes"):
            names = self.measurements.names("cell sizes", {"bytes": size})
            rates = [self.spread("cell sizes", {"bytes": size}, name, "rate") for name in names]
            rows.append((f"{size:g} bytes", *(spread_text(rate, MILLION) if rate else "" for rate in rates)))
        if rows:
            self.parts.append(table(("million per second", *(f"cells of {name}" for name in names)), rows))

    def kept_events(self):
        rows = [(name, *(spread_text(self.spread("kept events", {}, name, value))
                         for value in ("kept", "kept_per_mib", "over_slots")))
                for name in self.measurements.names("kept events", {})]
        if rows:
            self.text("""
## Events kept

What the default ring still holds after a recorded process workload went through it over and over: the starts and exits
while part of this project was built on Linux (`bench/workload/`), and the same with paths that begin with a device's name,
as on Windows. Version 1 had a slot for each event, 4096 of them in the same memory. This is counted and not timed.
""")
            self.parts.append(table(("workload", "events", "per MiB", "over version 1"), rows))

    def doorbell_cost(self):
        sizes = self.measurements.parameter_values("doorbell cost", "bytes")
        if sizes:
            self.text("""
## Where a doorbell costs

One consumer, awake, that reads as fast as it can. Each row does a part of what a registered doorbell needs at each publish;
in the last two the reader asks for lines of cells as far ahead as the shipped one, but of any, published or not.
""")
            rows = []
            for name in self.measurements.names("doorbell cost", {"bytes": sizes[0]}):
                rates = [self.spread("doorbell cost", {"bytes": size}, name, "rate") for size in sizes]
                rows.append((name, *(spread_text(rate, MILLION) if rate else "" for rate in rates)))
            self.parts.append(table(("million per second", *(f"{size:g} bytes" for size in sizes)), rows))

    def publish_cost(self):
        self.text("""
## Publish cost

One publish of 160 bytes, in ns, with consumers attached: asleep (a doorbell armed for later) or busy (all reading on the
other core). "Driver" is the driver's own publish path in the hosted executive, whose spinlock checks its callers as a
verifier does; "ring alone" is the ring's headers without a lock.
""")
        parameters = {"bytes": 160}
        rows, series = [], []
        for suite in ("publish cost, ring alone", "publish cost, driver"):
            for kind in ("asleep", "busy"):
                points = []
                for count in (0, 1, 2, 4, 8):
                    name = f"{count} {kind}" if count else "0"
                    spread = self.spread(suite, parameters, name, "publish_ns")
                    if spread:
                        points.append((count, spread.median, spread.low, spread.high))
                if points:
                    label = f"{suite.split(', ')[1]}, {kind}"
                    series.append((label, points))
                    rows.append((label, *(f"{p[1]:.1f} ({p[2]:.1f} – {p[3]:.1f})" for p in points)))
        if series:
            self.parts.append(table(("consumers", *(str(p[0]) for p in series[0][1])), rows))
            self.plotter.lines("publish-cost", f"Cost of one publish ({self.regime})", "consumers", "ns", series)
            self.plot("publish-cost", "Publish cost")
        rows = []
        for name in self.measurements.names("contention", parameters):
            rows.append((name, spread_text(self.spread("contention", parameters, name, "rate"), MILLION)))
        if rows:
            self.text("""
Producers that contend for the publish path, all events together: through the driver in the hosted executive, and with the
ring's headers behind three kinds of lock. NT's in-stack queued lock, which the driver uses on Windows, is of the first.
""")
            self.parts.append(table(("producers", "million per second"), rows))

    def latency(self):
        self.text("""
## Latency

One way between two cores that answer each other and never pause:
""")
        rows = [(name, spread_text(self.spread("one way", {}, name, "one_way_ns")))
                for name in self.measurements.names("one way", {})]
        self.parts.append(table(("what", "ns"), rows))
        self.text("""
From the moment an event was planned to the moment its reader has checked it, at a fixed rate. The schedule waits for
nobody and the time counts from the plan, so nothing that delays sender or reader is left out (no coordinated omission).
Percentiles are of all counted samples together. Doorbell and spinning read the driver's ring; "own pull" is the driver's
own pull IOCTL over the ring; "IOCTL pull" is the Part 2 design. Beside it what the reader costs.
""")
        for rate in self.measurements.parameter_values("latency", "per_second"):
            parameters = {"per_second": rate}
            rows, series = [], []
            for record in self.measurements.distributions:
                if record["suite"] != "latency" or record["parameters"] != parameters or record["regime"] != self.regime:
                    continue
                points = {round(part, 6): value for part, value in record["points"]}
                cells = [number(points[part] / 1000) if record["count"] * (1 - part) >= 1 or part == 0.5 else "–"
                         for part in (0.5, 0.9, 0.99, 0.999, 0.9999)]
                name = record["contender"]
                values = [self.spread("latency", parameters, name, value) for value in (
                    "system_calls_per_million", "signals_per_million", "cpu_s_per_million", "lost_part")]
                rows.append((name, *cells, *(number(v.median) if v else "–" for v in values[:3]),
                             f"{100 * values[3].median:.0f} %" if values[3] else "–"))
                series.append((name, [(part, max(value, 1)) for part, value in sorted(points.items())]))
            if rows:
                self.text(f"### {rate:,.0f} events per second")
                self.parts.append(table(
                    ("reader", "p50 µs", "p90", "p99", "p99.9", "p99.99", "system calls per million events",
                     "signals per million", "CPU s per million", "lost"), rows))
                name = f"latency-{rate:.0f}"
                self.plotter.percentiles(name, f"Latency at {rate:,.0f} events per second ({self.regime})", series)
                self.plot(name, "Latency percentiles")

    def overload(self):
        self.text("""
## Overload

The consumer works about 200 ns on each event. 1 on the axis is what it takes when everything is there already.
""")
        rows, series, parameters = [], [], {"bytes": 160}
        for contender in ("ring", "IOCTL pull"):
            suite, points = f"overload, {contender}", []
            for name in self.measurements.names(suite, parameters):
                spread = self.spread(suite, parameters, name, "goodput")
                if spread:
                    lost = self.spread(suite, parameters, name, "lost_part")
                    points.append((float(name), *(x / MILLION for x in (spread.median, spread.low, spread.high))))
                    rows.append((contender, name, spread_text(spread, MILLION), f"{100 * lost.median:.0f} %"))
            if points:
                series.append((contender, points))
        if series:
            self.parts.append(table(("reader", "offered over capacity", "goodput, million per second", "lost"), rows))
            self.plotter.lines("overload", f"Goodput under overload ({self.regime})", "offered rate over capacity",
                               "million per second", series)
            self.plot("overload", "Goodput under overload")

    def flood(self):
        parameters, rows = {"bytes": 160}, []
        for name in self.measurements.names("flood", parameters):
            spread = {value: self.spread("flood", parameters, name, value)
                      for value in ("rate", "lost_part", "signals_per_10000", "cpu_ns")}
            if spread["rate"]:
                rows.append((name, spread_text(spread["rate"], MILLION), f"{100 * spread['lost_part'].median:.0f} %",
                             number(spread["signals_per_10000"].median), number(spread["cpu_ns"].median)))
        self.text("## The driver under a flood")
        self.text("A producer that never rests publishes 160-byte process events through the driver; the IOCTL pull has "
                  "its own list instead. The driver's own pull hands out the full 1056-byte form.")
        self.parts.append(table(("reader", "million per second", "lost", "signals per 10,000 events",
                                 "CPU ns per delivered event"), rows))

    def agent(self):
        rows = []
        for name in self.measurements.names("agent", {}):
            rate = self.spread("agent", {}, name, "rate")
            rows.append((name, spread_text(rate, MILLION)))
        self.text("## The agent")
        self.text("One core, from a full ring to a write to `/dev/null`: starts with a 57-character path, each followed "
                  "by its exit.")
        self.parts.append(table(("what", "million events per second"), rows))

    def mixed(self):
        rows = []
        for rate in self.measurements.parameter_values("mixed", "per_second"):
            parameters = {"per_second": rate}
            for name in self.measurements.names("mixed", parameters):
                spread = {value: self.spread("mixed", parameters, name, value)
                          for value in ("offered", "delivered", "lost_part", "p50_us", "p99_us", "agent_ns",
                                        "sensor_ns")}
                if spread["delivered"]:
                    rows.append((number(rate), name, number(spread["offered"].median),
                                 number(spread["delivered"].median), f"{100 * spread['lost_part'].median:.1f} %",
                                 spread_text(spread["p50_us"]), spread_text(spread["p99_us"]),
                                 spread_text(spread["agent_ns"]), number(spread["sensor_ns"].median)))
        self.text("## Every type of event, through the agent")
        self.text("Two cores publish process starts and ends with their details, threads, images, registry changes and "
                  "handle opens, 40 + 40, 300, 220, 150 and 250 of a thousand, a millisecond's worth at a time each; the "
                  "agent runs on whichever of the two has time, and writes NDJSON to `/dev/null`. Latency is from an "
                  "event's timestamp to its written line, CPU time of the agent per delivered event and of the "
                  "publishers per offered one. Details have no line of their own, so 40 of a thousand are in their process's. "
                  "The IOCTL pull keeps 4096 events; both pulls ask once a millisecond.")
        self.parts.append(table(("wanted per second", "way", "offered per second", "delivered per second", "lost",
                                 "p50, µs", "p99, µs", "agent, CPU ns", "publishers, CPU ns"), rows))

    def single_thread(self):
        rows = []
        # In the order they are written in, not the random one they ran in.
        order = ("family_index", "per_family_instance_index")
        for run in sorted(self.micro.get("benchmarks", []), key=lambda run: [run[key] for key in order]):
            if run.get("aggregate_name") == "median":
                rows.append((f"`{run['run_name']}`", f"{run['real_time']:.2f}"))
        if rows:
            self.text("## On one core")
            self.text("Google Benchmark, median of nine repetitions in random order.")
            self.parts.append(table(("what", f"{self.micro['benchmarks'][0]['time_unit']}"), rows))

    def render(self, ratios):
        self.text("<!-- Generated by `make bench`. Text that is not measured lives in bench/page/. -->\n# Benchmarks")
        self.text("""
Run `make bench` (about eight minutes) or `make bench-quick` (one minute) to measure your machine; `make bench-check` says
what moved against the committed ratios. A quiet machine with two cores is enough.
""")
        self.machine()
        self.ratios(ratios)
        self.parts.append(filled_in(FINDINGS.read_text(encoding="utf-8"), self.measurements, self.regime))
        self.rings()
        self.library()
        self.throughput()
        self.contenders()
        self.cell_sizes()
        self.kept_events()
        self.publish_cost()
        self.doorbell_cost()
        self.latency()
        self.overload()
        self.flood()
        self.agent()
        self.mixed()
        self.single_thread()
        return "\n".join(self.parts)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    results, micro, page_path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    measurements = Measurements(results)
    with open(micro, encoding="utf-8") as file:
        micro_results = json.load(file)
    ratios = ratio_list.compute(measurements)
    page = Page(measurements, micro_results, Plotter(page_path.parent / "plots"))
    page_path.write_text(page.render(ratios), encoding="utf-8")
    for ratio in ratios:
        print(ratio.line())


if __name__ == "__main__":
    main()
