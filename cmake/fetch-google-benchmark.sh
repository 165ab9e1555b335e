#!/bin/sh
# fetch-google-benchmark.sh <folder>: unpacks the source of Google Benchmark, as the distribution packages it, into
# <folder>. There is no package of it for Windows.
#
# Asks the mirrors this system is configured with, through apt and its signatures, but with lists of its own: the
# system's configuration stays as it is, and no rights are needed.
set -eu
folder=$1

fail() {
    echo "$1" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "there is no apt here"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sort -u >"$work/sources.list"
[ -s "$work/sources.list" ] || fail "apt has no package sources"

apt() {
    apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
}

# A mirror without sources is no failure as long as another one has this one.
apt update >"$work/log" 2>&1 || true
if ! (cd "$work" && apt source --download-only --tar-only benchmark) >>"$work/log" 2>&1; then
    cat "$work/log" >&2
    fail "the mirrors have no source package 'benchmark', or cannot be reached"
fi

rm -rf "$folder.partial"
mkdir -p "$folder.partial"
tar -xf "$work"/benchmark_*.orig.tar.* -C "$folder.partial" --strip-components=1
rm -rf "$folder"
mv "$folder.partial" "$folder"
