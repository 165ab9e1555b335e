#!/bin/sh
# build.sh <presets…>: builds these configurations with their tests.
set -eu
cd "$(dirname "$0")/.."
for preset in "$@"; do
    # A tree that `make run` configured has no tests yet.
    if [ -f "build/$preset/build.ninja" ]; then
        cmake "build/$preset" -DAEGIS_BUILD_TESTS=ON >"build/$preset/configure.log"
    fi
    AEGIS_BUILD_TESTS=ON cmake/build.sh "$preset"
done
