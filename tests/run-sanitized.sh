#!/bin/sh
# run-sanitized.sh COMMAND…: runs a command whose programs may be built with ThreadSanitizer.
#
# Where the kernel scatters mappings more widely than ThreadSanitizer's shadow memory allows for, they run without address
# space randomization.
set -eu
launcher=""
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ] && setarch --addr-no-randomize true 2>/dev/null; then
    launcher="setarch --addr-no-randomize"
fi
exec $launcher "$@"
