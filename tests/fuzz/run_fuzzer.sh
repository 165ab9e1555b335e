#!/bin/sh
# run_fuzzer.sh <fuzzer> <corpus> <work folder> <seconds>: fuzzes from the corpus that is kept, and keeps what it finds
# new, and inputs that fail, in the work folder.
set -eu
fuzzer=$1
corpus=$2
work=$3
seconds=$4
mkdir -p "$work/corpus" "$work/findings"
set -- "$work/corpus"
if [ -d "$corpus" ]; then
    set -- "$@" "$corpus"
fi
exec "$fuzzer" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=0 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$work/findings/" "$@"
