#!/bin/sh
# under_wine.sh <prefix> <program> [arguments…]: runs a Windows program in the given Wine prefix, without a display.
export WINEPREFIX="$1" WINEDEBUG="${WINEDEBUG:--all}" WINEDLLOVERRIDES="mscoree,mshtml="
shift
exec wine "$@"
