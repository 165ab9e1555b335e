#!/bin/sh
# run_on_image.sh <AegisMon.sys> <program> [arguments…]: runs a test program against a driver image. Without the image the
# test is skipped: CTest knows the line. AEGIS_REQUIRE_DRIVER_IMAGE in the environment makes that a failure.
set -eu
image=$1
shift
if [ ! -f "$image" ]; then
    echo "no driver image at $image: build the windows preset first"
    if [ -n "${AEGIS_REQUIRE_DRIVER_IMAGE:-}" ]; then
        exit 1
    fi
    exit 77
fi
AEGIS_DRIVER_IMAGE=$image exec "$@"
