#!/bin/sh
# wine_prefix.sh setup|cleanup <prefix>: makes a fresh Wine prefix without a display, or ends everything that runs in it.
set -eu
export WINEPREFIX="$2" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="

# A server from an earlier, killed run would serve files that no longer exist. It answers 1 when there is none.
wineserver -k || true

if [ "$1" = setup ]; then
    rm -rf "$WINEPREFIX"
    wine wineboot -i
    wineserver -w
fi
