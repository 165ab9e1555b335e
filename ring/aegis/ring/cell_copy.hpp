// Copies between private memory and the cells of a ring.
//
// The reader's copy races with the writer by design and is validated afterwards, so each access must be one the
// language allows to race: relaxed 64-bit atomics, or inline assembly the compiler cannot look into. A plain
// memcpy would be undefined behaviour, byte-wise atomics cost twenty times as much.
//
// Order comes from the fences around these calls (producer.hpp, event_read.hpp), never from the copies.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace aegis::ring::detail {

inline constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
inline constexpr std::size_t kVectorBytes = 16;
inline constexpr std::size_t kVectorBlockBytes = 64;

#if defined(__x86_64__)
// Four 16-byte moves. The tearing unit does not matter: a copy that met the writer is discarded.
// xmm0-xmm3 are volatile in both x64 calling conventions, and kernel code may use them.
inline void copy_vector_block(void* to, const void* from) {
    asm volatile(
        "movdqu   (%[from]), %%xmm0\n\t"
        "movdqu 16(%[from]), %%xmm1\n\t"
        "movdqu 32(%[from]), %%xmm2\n\t"
        "movdqu 48(%[from]), %%xmm3\n\t"
        "movdqu %%xmm0,   (%[to])\n\t"
        "movdqu %%xmm1, 16(%[to])\n\t"
        "movdqu %%xmm2, 32(%[to])\n\t"
        "movdqu %%xmm3, 48(%[to])"
        :
        : [to] "r"(to), [from] "r"(from)
        : "xmm0", "xmm1", "xmm2", "xmm3", "memory");
}

inline void copy_vector(void* to, const void* from) {
    asm volatile(
        "movdqu (%[from]), %%xmm0\n\t"
        "movdqu %%xmm0, (%[to])"
        :
        : [to] "r"(to), [from] "r"(from)
        : "xmm0", "memory");
}
#else
// Never called: kVectorCopy is false here.
inline void copy_vector_block(void*, const void*);
inline void copy_vector(void*, const void*);
#endif

inline std::uint64_t load_private_word(const std::byte* from) {
    std::uint64_t word;
    std::memcpy(&word, from, kWordBytes);
    return word;
}

// Copies `bytes` private bytes into the words of one cell; the rest of the last word becomes zero, so that no byte the
// caller did not mean to publish reaches shared memory.
template <class Atomics, class Word>
void copy_into_cell(Word* to, const void* source, std::size_t bytes) {
    const auto* from = static_cast<const std::byte*>(source);
    if constexpr (Atomics::kVectorCopy) {
        for (; bytes >= kVectorBlockBytes; bytes -= kVectorBlockBytes) {
            copy_vector_block(to, from);
            to += kVectorBlockBytes / kWordBytes;
            from += kVectorBlockBytes;
        }
        for (; bytes >= kVectorBytes; bytes -= kVectorBytes) {
            copy_vector(to, from);
            to += kVectorBytes / kWordBytes;
            from += kVectorBytes;
        }
    } else {
        for (; bytes >= 4 * kWordBytes; bytes -= 4 * kWordBytes) {
            to[0].store(load_private_word(from), std::memory_order_relaxed);
            to[1].store(load_private_word(from + kWordBytes), std::memory_order_relaxed);
            to[2].store(load_private_word(from + 2 * kWordBytes), std::memory_order_relaxed);
            to[3].store(load_private_word(from + 3 * kWordBytes), std::memory_order_relaxed);
            to += 4;
            from += 4 * kWordBytes;
        }
    }
    for (; bytes >= kWordBytes; bytes -= kWordBytes) {
        to->store(load_private_word(from), std::memory_order_relaxed);
        ++to;
        from += kWordBytes;
    }
    if (bytes != 0) {
        std::uint64_t last = 0;
        std::memcpy(&last, from, bytes);
        to->store(last, std::memory_order_relaxed);
    }
}

// Copies `words` words of one cell into private memory. What arrives may be torn.
template <class Atomics, class Word>
void copy_out_of_cell(std::uint64_t* to, const Word* from, std::size_t words) {
    constexpr std::size_t kBlockWords = kVectorBlockBytes / kWordBytes;
    constexpr std::size_t kVectorWords = kVectorBytes / kWordBytes;
    if constexpr (Atomics::kVectorCopy) {
        for (; words >= kBlockWords; words -= kBlockWords) {
            copy_vector_block(to, from);
            to += kBlockWords;
            from += kBlockWords;
        }
        for (; words >= kVectorWords; words -= kVectorWords) {
            copy_vector(to, from);
            to += kVectorWords;
            from += kVectorWords;
        }
    } else {
        for (; words >= 4; words -= 4) {
            to[0] = from[0].load(std::memory_order_relaxed);
            to[1] = from[1].load(std::memory_order_relaxed);
            to[2] = from[2].load(std::memory_order_relaxed);
            to[3] = from[3].load(std::memory_order_relaxed);
            to += 4;
            from += 4;
        }
    }
    for (; words != 0; --words) {
        *to++ = (from++)->load(std::memory_order_relaxed);
    }
}

}  // namespace aegis::ring::detail
