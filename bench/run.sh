#!/bin/sh
# run.sh full|quick|check|accept: measures, and says what came of it. Expects a built tree in build/bench.
#
#   full    everything, about 15 minutes; renders docs/benchmarks.md
#   quick   the ratios only, about two minutes
#   check   as quick, then compares the ratios with the committed ones; exit code 1 when one moved beyond its noise,
#           2 when nothing can be compared
#   accept  makes the last full run the committed one
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

# needs <file> <what to do without it>
needs() {
    if [ ! -f "$1" ]; then
        echo "bench/run.sh: $2 $1" >&2
        exit 2
    fi
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
        needs bench/baseline.json "there is nothing to compare with: run make bench, then make bench-accept, and commit"
        "$bin/aegis-bench" --quick --out "$results/check.json"
        python3 bench/page/check.py "$results/check.json" bench/baseline.json
        ;;
    accept)
        needs "$results/full.json" "there is no full measurement to accept: run make bench first; missing is"
        python3 bench/page/check.py --accept "$results/full.json" bench/baseline.json
        ;;
    *)
        echo "usage: run.sh full|quick|check|accept" >&2
        exit 2
        ;;
esac
