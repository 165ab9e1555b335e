#!/bin/sh
# lint.sh [regular expression]: runs clang-tidy over every native source file whose path matches, with the commands it is
# compiled with.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/lint
if ! cmake --preset lint >build/lint/configure.log 2>&1; then
    cat build/lint/configure.log >&2
    exit 1
fi
exec run-clang-tidy -quiet -p build/lint "$PWD/(ring|driver|agent|tests|bench)/.*${1:-}.*\.cpp$" 2>/dev/null
