#!/bin/sh
# run-all.sh: builds every configuration and runs all their tests as one CTest session with one summary. A test's name
# begins with its configuration: asan.…, windows.…
set -eu
cd "$(dirname "$0")/.."
presets="release asan tsan windows"

# shellcheck disable=SC2086 # one word per preset
tests/build.sh $presets

mkdir -p build/all
: >build/all/CTestTestfile.cmake
for preset in $presets; do
    echo "subdirs(../$preset)" >>build/all/CTestTestfile.cmake
done

# The image tests skip themselves without the image; here it has just been built.
export AEGIS_REQUIRE_DRIVER_IMAGE=1

echo "==> Testing"
exec tests/run-sanitized.sh ctest --test-dir build/all --parallel "$(nproc)" --output-on-failure --no-tests=error --progress
