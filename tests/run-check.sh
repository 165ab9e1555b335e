#!/bin/sh
# run-check.sh: the quick loop: builds the release configuration and runs its tests. Not those labelled `slow`, which
# wait for limits to pass, nor those labelled `image`, which look at what the windows configuration built last.
set -eu
cd "$(dirname "$0")/.."
tests/build.sh release

echo "==> Testing"
exec ctest --test-dir build/release --label-exclude '^(slow|image)$' --parallel "$(nproc)" --output-on-failure \
    --no-tests=error --progress
