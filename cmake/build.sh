#!/bin/sh
# build.sh <preset> [targets…]: configures the preset where that has not been done, and builds. On a terminal ninja shows
# its progress; elsewhere it is quiet unless it fails. Silent when there is nothing to do.
set -eu
preset=$1
shift
cd "$(dirname "$0")/.."
tree=build/$preset

if [ ! -f "$tree/build.ninja" ]; then
    echo "==> Configuring $preset"
    mkdir -p "$tree"
    # The tests need more packages than the product; tests/build.sh turns them on.
    if ! cmake --preset "$preset" -DAEGIS_BUILD_TESTS="${AEGIS_BUILD_TESTS:-OFF}" >"$tree/configure.log" 2>&1; then
        cat "$tree/configure.log" >&2
        exit 1
    fi
fi

# Ninja says that there is nothing to do however quiet it is asked to be, so it is asked beforehand. (Where it would
# configure anew first, it says that instead.)
if ninja -C "$tree" -n "$@" 2>/dev/null | grep -q 'ninja: no work to do\.'; then
    exit 0
fi
echo "==> Building $preset"
if [ -t 1 ]; then
    exec cmake --build "$tree" ${1:+--target "$@"}
fi
exec cmake --build "$tree" ${1:+--target "$@"} -- --quiet
