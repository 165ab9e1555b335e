#!/bin/sh
# build.sh <preset> [targets…]: configures the preset where that has not been done, and builds. Quiet unless it fails.
set -eu
preset=$1
shift
cd "$(dirname "$0")/.."
tree=build/$preset

if [ ! -f "$tree/build.ninja" ]; then
    echo "==> Configuring $preset"
    mkdir -p "$tree"
    # The tests need more packages than the product; run-all.sh turns them on.
    if ! cmake --preset "$preset" -DAEGIS_BUILD_TESTS="${AEGIS_BUILD_TESTS:-OFF}" >"$tree/configure.log" 2>&1; then
        cat "$tree/configure.log" >&2
        exit 1
    fi
fi

echo "==> Building $preset"
cmake --build "$tree" ${1:+--target "$@"} -- --quiet
