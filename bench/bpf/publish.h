/* What the BPF program and its loader agree on. Valid C and C++. */
#ifndef AEGIS_BENCH_BPF_PUBLISH_H
#define AEGIS_BENCH_BPF_PUBLISH_H

#include <linux/types.h>

/* No kernel has this system call; the program runs on the attempt. */
#define AEGIS_BENCH_SYSTEM_CALL 0x41454749

#define AEGIS_BENCH_EVENTS_PER_CALL 64
#define AEGIS_BENCH_PATTERNS        13
#define AEGIS_BENCH_MAX_WORDS       132

/* In the program's .bss, which the loader maps. */
struct aegis_bench_progress {
    __u64 published;
};

#endif
