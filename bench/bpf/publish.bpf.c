// The Linux kernel's own ring for this job: a program on a system call that publishes events into a BPF ring buffer.
//
// It runs on a system call number that does not exist, so that no other program triggers it, and publishes many
// events per call, so that the ring is measured rather than the call.
#include <linux/types.h>
// The types come first.
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#include "bpf/publish.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);  // the loader sets it
} events SEC(".maps");

struct pattern {
    __u64 words[AEGIS_BENCH_MAX_WORDS];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, AEGIS_BENCH_PATTERNS);
    __type(key, __u32);
    __type(value, struct pattern);
} patterns SEC(".maps");

// Set by the loader.
const volatile __u32 event_bytes = 0;
const volatile __u64 first_word = 0;

struct aegis_bench_progress progress;

SEC("raw_tp/sys_enter")
int publish(struct bpf_raw_tracepoint_args* context) {
    if (context->args[1] != AEGIS_BENCH_SYSTEM_CALL) {
        return 0;
    }
    for (int i = 0; i < AEGIS_BENCH_EVENTS_PER_CALL; ++i) {
        __u64 ticket = progress.published;
        __u32 index = ticket % AEGIS_BENCH_PATTERNS;
        struct pattern* pattern = bpf_map_lookup_elem(&patterns, &index);
        if (!pattern) {
            return 0;
        }
        pattern->words[0] = first_word | (__u64)(__u32)(ticket + 1) << 32;
        pattern->words[1] = ticket;
        // The consumer polls: no wakeup is wanted.
        if (bpf_ringbuf_output(&events, pattern, event_bytes, BPF_RB_NO_WAKEUP) != 0) {
            return 0;  // full
        }
        progress.published = ticket + 1;
    }
    return 0;
}

char publish_license[] SEC("license") = "Dual MIT/GPL";
