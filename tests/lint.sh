#!/bin/sh
# lint.sh: runs clang-tidy over every native source file, with the commands it is compiled with.
set -eu
cd "$(dirname "$0")/.."
AEGIS_BUILD_TESTS=ON cmake/build.sh asan
exec run-clang-tidy -quiet -p build/asan "$PWD/(ring|driver|agent|tests|bench)/" 2>/dev/null
