#!/bin/sh
# install-dependencies.sh run|windows|test|coverage|bench|lint: makes sure that the packages one make target needs are
# installed.
#
# Installs only what is missing, and only as root on a system with apt; otherwise prints the one command that does.
set -eu

run_packages="cmake ninja-build gcc g++ libcli11-dev libfmt-dev rapidjson-dev libtomlplusplus-dev libutfcpp-dev"
windows_packages="$run_packages gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix binutils-mingw-w64-x86-64
    openssl osslsigncode python3 libconcurrentqueue-dev libreaderwriterqueue-dev"
test_packages="$windows_packages libgtest-dev libgmock-dev googletest clang libclang-rt-dev clang-format
    wine wine64 spin valgrind g++-aarch64-linux-gnu"
bench_packages="$run_packages libbenchmark-dev libboost-dev libconcurrentqueue-dev libreaderwriterqueue-dev
    libatomic-queue-dev libtbb-dev libbpf-dev linux-libc-dev clang gnuplot-nox python3"
coverage_packages="$test_packages llvm"
lint_packages="$test_packages $bench_packages clang-tidy"

case "${1:-}" in
    run) packages=$run_packages ;;
    windows) packages=$windows_packages ;;
    test) packages=$test_packages ;;
    coverage) packages=$coverage_packages ;;
    bench) packages=$bench_packages ;;
    lint) packages=$lint_packages ;;
    *)
        echo "usage: install-dependencies.sh run|windows|test|coverage|bench|lint" >&2
        exit 2
        ;;
esac

# Elsewhere it is CMake that names what it cannot find.
command -v dpkg-query >/dev/null || exit 0

missing=""
for package in $packages; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

install="apt-get install --yes --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Packages are missing. Install them with:" >&2
    echo "    sudo $install" >&2
    exit 1
fi

echo "==> Installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # one word per package
if ! $install >"$log" 2>&1; then
    # The package lists may be missing or out of date.
    if ! apt-get update >"$log" 2>&1 || ! $install >"$log" 2>&1; then
        cat "$log" >&2
        echo "Could not install$missing" >&2
        exit 1
    fi
fi
