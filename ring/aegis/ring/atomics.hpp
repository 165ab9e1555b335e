// What the ring needs from the machine: an atomic type, fences, a pause, and whether the vector copy may be used.
//
// Every class of the ring takes a type with these members as a template parameter, so that the shipped headers
// themselves run under a schedule and memory-order explorer that supplies its own.
#pragma once

#include <atomic>
#include <cstdint>

namespace aegis::ring {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AEGIS_RING_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AEGIS_RING_SANITIZED 1
#endif

struct StdAtomics {
    template <class T>
    using Atomic = std::atomic<T>;

    // Inline assembly is opaque to sanitizers; they get the copy made of atomic words.
#if defined(__x86_64__) && !defined(AEGIS_RING_SANITIZED)
    static constexpr bool kVectorCopy = true;
#else
    static constexpr bool kVectorCopy = false;
#endif

    static constexpr bool kPrefetch = true;

    static void fence(std::memory_order order) {
        std::atomic_thread_fence(order);
    }

    static void pause() {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("isb" ::: "memory");
#endif
    }

    // Ask for a cache line before it is used. Hints: any address is allowed, no value and no order changes.
    // On x86-64 not the builtin: gcc drops calls of a function that does nothing else, and its form for writing fetches
    // the line shared unless the compiler may assume a newer processor. Older processors ignore prefetchw.
    static void prefetch_to_read(const void* line) {
#if defined(__x86_64__)
        asm volatile("prefetcht0 (%0)" ::"r"(line));
#else
        __builtin_prefetch(line, 0);
#endif
    }
    static void prefetch_to_write(const void* line) {
#if defined(__x86_64__)
        asm volatile("prefetchw (%0)" ::"r"(line));
#else
        __builtin_prefetch(line, 1);
#endif
    }
};

#undef AEGIS_RING_SANITIZED

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared words must not hide a lock");
static_assert(sizeof(std::atomic<std::uint64_t>) == sizeof(std::uint64_t), "shared words are laid out as in C");
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t), "shared words are laid out as in C");

// How many pauses an empty poll makes before it looks again: polling harder pulls the cell's cache line
// from under the producer and costs throughput.
inline constexpr int kPausesPerEmptyPoll = 64;

template <class Atomics = StdAtomics>
void pause_after_empty_poll() {
    for (int i = 0; i < kPausesPerEmptyPoll; ++i) {
        Atomics::pause();
    }
}

}  // namespace aegis::ring
