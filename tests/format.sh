#!/bin/sh
# format.sh: fails when a source file is not formatted as .clang-format says.
set -eu
cd "$(dirname "$0")/.."
exec find include ring driver agent tests bench docs \
    \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) \
    -exec clang-format --dry-run -Werror {} +
