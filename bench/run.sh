#!/bin/sh
# run.sh full|quick|check|accept: measures, and says what came of it. Expects a built tree in build/bench.
#
#   full    everything, about six minutes; renders docs/benchmarks.md
#   quick   the ratios only, about one minute
#   check   the ratios three times, then compares them with the committed ones; exit code 1 when one moved beyond its
#           noise, 2 when nothing can be compared
#   accept  the same three times, and makes them the committed ones
set -eu
cd "$(dirname "$0")/.."
bin=build/bench/bin
results=build/bench/results
mkdir -p "$results"

micro() {
    "$bin/aegis-bench-micro" --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true \
        --benchmark_report_aggregates_only=true --benchmark_min_time="$1" \
        --benchmark_out="$2" --benchmark_out_format=json >"$results/micro.log"
}

# compare <options of check.py…>
compare() {
    for run in 1 2 3; do
        echo "==> Run $run of 3"
        "$bin/aegis-bench" --quick --out "$results/check-$run.json" >"$results/check-$run.log"
    done
    python3 bench/page/check.py "$@" bench/baseline.json "$results"/check-[123].json
}

case "${1:-}" in
    full)
        "$bin/aegis-bench" --out "$results/full.json"
        micro 0.1 "$results/full-micro.json"
        python3 bench/page/render.py "$results/full.json" "$results/full-micro.json" docs/benchmarks.md
        ;;
    quick)
        "$bin/aegis-bench" --quick --out "$results/quick.json"
        micro 0.01 "$results/quick-micro.json"
        python3 bench/page/render.py "$results/quick.json" "$results/quick-micro.json" "$results/quick.md"
        ;;
    check)
        if [ ! -f bench/baseline.json ]; then
            echo "bench/run.sh: there is nothing to compare with: run make bench-accept and commit bench/baseline.json" >&2
            exit 2
        fi
        compare
        ;;
    accept) compare --accept ;;
    *)
        echo "usage: run.sh full|quick|check|accept" >&2
        exit 2
        ;;
esac
