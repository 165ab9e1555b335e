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

#include "aegis/ring_layout.h"

namespace aegis::ring::detail {

inline constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
inline constexpr std::size_t kVectorBytes = 16;
inline constexpr std::size_t kVectorBlockBytes = 64;

// What copy_vectors takes.
inline constexpr std::size_t kFewestVectorBytes = kVectorBytes;
inline constexpr std::size_t kMostVectorBytes = 3 * kVectorBlockBytes;

// What a copy moves at least: it fills the last unit with zeros, and reads it whole.
template <class Atomics>
inline constexpr std::size_t kUnitBytes = Atomics::kVectorCopy ? 1 : kWordBytes;

template <class Integer>
Integer load_private(const std::byte* from) {
    Integer value;
    std::memcpy(&value, from, sizeof(value));
    return value;
}

inline std::uint64_t load_private_word(const std::byte* from) {
    return load_private<std::uint64_t>(from);
}

// `bytes` (1 to 8) private bytes as a word, zeros above them. Reads nothing else and calls nobody: loads that overlap.
inline std::uint64_t load_private_bytes(const std::byte* from, std::size_t bytes) {
    if (bytes >= 4) {
        const std::uint64_t low = load_private<std::uint32_t>(from);
        const std::uint64_t high = load_private<std::uint32_t>(from + bytes - 4);
        return low | high << (8 * (bytes - 4));
    }
    const std::uint64_t first = load_private<std::uint8_t>(from);
    const std::uint64_t middle = load_private<std::uint8_t>(from + bytes / 2);
    const std::uint64_t last = load_private<std::uint8_t>(from + bytes - 1);
    return first | middle << (8 * (bytes / 2)) | last << (8 * (bytes - 1));
}

#if defined(__x86_64__)
// Four 16-byte moves. The tearing unit does not matter: a copy that met the writer is discarded.
// xmm0-xmm3 are volatile in both x64 calling conventions, and kernel code may use them. What is read and written is
// told exactly, so that the compiler need not forget what it knows of other memory.
inline void copy_vector_block(void* to, const void* from) {
    struct Block {
        unsigned char bytes[kVectorBlockBytes];
    };
    asm volatile(
        "movdqu   (%[from]), %%xmm0\n\t"
        "movdqu 16(%[from]), %%xmm1\n\t"
        "movdqu 32(%[from]), %%xmm2\n\t"
        "movdqu 48(%[from]), %%xmm3\n\t"
        "movdqu %%xmm0,   (%[to])\n\t"
        "movdqu %%xmm1, 16(%[to])\n\t"
        "movdqu %%xmm2, 32(%[to])\n\t"
        "movdqu %%xmm3, 48(%[to])"
        : "=m"(*static_cast<Block*>(to))
        : [to] "r"(to), [from] "r"(from), "m"(*static_cast<const Block*>(from))
        : "xmm0", "xmm1", "xmm2", "xmm3");
}

inline void copy_vector(void* to, const void* from) {
    struct Block {
        unsigned char bytes[kVectorBytes];
    };
    asm volatile(
        "movdqu %[from], %%xmm0\n\t"
        "movdqu %%xmm0, %[to]"
        : [to] "=m"(*static_cast<Block*>(to))
        : [from] "m"(*static_cast<const Block*>(from))
        : "xmm0");
}

// One store for two words.
inline void store_vector(void* to, std::uint64_t low, std::uint64_t high) {
    struct Block {
        unsigned char bytes[kVectorBytes];
    };
    asm volatile(
        "movq %[low], %%xmm0\n\t"
        "movq %[high], %%xmm1\n\t"
        "punpcklqdq %%xmm1, %%xmm0\n\t"
        "movdqu %%xmm0, %[to]"
        : [to] "=m"(*static_cast<Block*>(to))
        : [low] "r"(low), [high] "r"(high)
        : "xmm0", "xmm1");
}

// Gives the first word of what it copies, as it was copied.
inline std::uint64_t copy_vector_and_look(void* to, const void* from) {
    struct Block {
        unsigned char bytes[kVectorBytes];
    };
    std::uint64_t first;
    asm volatile(
        "movdqu %[from], %%xmm0\n\t"
        "movdqu %%xmm0, %[to]\n\t"
        "movq %%xmm0, %[first]"
        : [to] "=m"(*static_cast<Block*>(to)), [first] "=r"(first)
        : [from] "m"(*static_cast<const Block*>(from))
        : "xmm0");
    return first;
}

// One load and one store of a word, half of it, or a byte.
template <class Integer>
void copy_scalar(void* to, const void* from) {
    Integer value;
    asm volatile(
        "mov %[from], %[value]\n\t"
        "mov %[value], %[to]"
        : [to] "=m"(*static_cast<Integer*>(to)), [value] "=&r"(value)
        : [from] "m"(*static_cast<const Integer*>(from)));
}

template <class Integer>
void copy_ends(std::byte* to, const std::byte* from, std::size_t bytes) {
    copy_scalar<Integer>(to, from);
    copy_scalar<Integer>(to + bytes - sizeof(Integer), from + bytes - sizeof(Integer));
}

// Less than a vector.
inline void copy_few_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
    if (bytes >= sizeof(std::uint64_t)) {
        copy_ends<std::uint64_t>(to, from, bytes);
    } else if (bytes >= sizeof(std::uint32_t)) {
        copy_ends<std::uint32_t>(to, from, bytes);
    } else if (bytes != 0) {
        copy_scalar<std::uint8_t>(to + bytes / 2, from + bytes / 2);
        copy_ends<std::uint8_t>(to, from, bytes);
    }
}

// In or out of a cell, kFewestVectorBytes to kMostVectorBytes bytes, in pieces that depend on their number alone: the
// last one ends with them, and overlaps the one before. So no byte beyond them is touched, and on one core each load
// finds a store of the same bytes: one that spans two stores waits until both have left the store buffer, which costs
// more than the rest of a small read. Inlined wherever it is used: a call costs the smallest events a third of a copy.
[[gnu::always_inline]] inline void copy_vectors(std::byte* to, const std::byte* from, std::size_t bytes) {
    if (bytes > kVectorBlockBytes) {
        copy_vector_block(to, from);
        if (bytes > 2 * kVectorBlockBytes) {
            copy_vector_block(to + kVectorBlockBytes, from + kVectorBlockBytes);
        }
        if (((bytes - 1) & (2 * kVectorBytes)) != 0) {
            copy_vector_block(to + bytes - kVectorBlockBytes, from + bytes - kVectorBlockBytes);
            return;
        }
    } else if (bytes > 2 * kVectorBytes) {
        copy_vector(to, from);
        copy_vector(to + kVectorBytes, from + kVectorBytes);
    } else {
        copy_vector(to, from);
        copy_vector(to + bytes - kVectorBytes, from + bytes - kVectorBytes);
        return;
    }
    copy_vector(to + bytes - 2 * kVectorBytes, from + bytes - 2 * kVectorBytes);
    copy_vector(to + bytes - kVectorBytes, from + bytes - kVectorBytes);
}

// Any number of bytes.
inline void copy_in_vectors(void* target, const void* source, std::size_t bytes) {
    auto* to = static_cast<std::byte*>(target);
    const auto* from = static_cast<const std::byte*>(source);
    for (; bytes > kMostVectorBytes; bytes -= kVectorBlockBytes) {
        copy_vector_block(to, from);
        to += kVectorBlockBytes;
        from += kVectorBlockBytes;
    }
    if (bytes >= kFewestVectorBytes) {
        copy_vectors(to, from, bytes);
    } else {
        copy_few_bytes(to, from, bytes);
    }
}

// The data of a whole cell of the usual size, without a loop.
[[gnu::always_inline]] inline void copy_vectors_of_cell(void* to, const void* from) {
    static_assert(AEGIS_CELL_DATA_BYTES == 2 * kVectorBlockBytes + 3 * kVectorBytes);
    auto* target = static_cast<std::byte*>(to);
    const auto* source = static_cast<const std::byte*>(from);
    copy_vector_block(target, source);
    copy_vector_block(target + kVectorBlockBytes, source + kVectorBlockBytes);
    for (std::size_t done = 2 * kVectorBlockBytes; done < AEGIS_CELL_DATA_BYTES; done += kVectorBytes) {
        copy_vector(target + done, source + done);
    }
}
#else
// Never called: kVectorCopy is false here.
inline void copy_vectors(std::byte*, const std::byte*, std::size_t) {}
inline void copy_in_vectors(void*, const void*, std::size_t) {}
inline void copy_vectors_of_cell(void*, const void*) {}
inline void store_vector(void*, std::uint64_t, std::uint64_t) {}
inline std::uint64_t copy_vector_and_look(void*, const void*) {
    return 0;
}
#endif

// The words.
template <class Word>
void copy_words_into_cell(Word* to, const std::byte* from, std::size_t bytes) {
    for (; bytes >= 4 * kWordBytes; bytes -= 4 * kWordBytes) {
        to[0].store(load_private_word(from), std::memory_order_relaxed);
        to[1].store(load_private_word(from + kWordBytes), std::memory_order_relaxed);
        to[2].store(load_private_word(from + 2 * kWordBytes), std::memory_order_relaxed);
        to[3].store(load_private_word(from + 3 * kWordBytes), std::memory_order_relaxed);
        to += 4;
        from += 4 * kWordBytes;
    }
    for (; bytes >= kWordBytes; bytes -= kWordBytes) {
        to->store(load_private_word(from), std::memory_order_relaxed);
        ++to;
        from += kWordBytes;
    }
    if (bytes != 0) {
        to->store(load_private_bytes(from, bytes), std::memory_order_relaxed);
    }
}

template <class Word>
void copy_words_out_of_cell(std::uint64_t* to, const Word* from, std::size_t words) {
    for (; words >= 4; words -= 4) {
        to[0] = from[0].load(std::memory_order_relaxed);
        to[1] = from[1].load(std::memory_order_relaxed);
        to[2] = from[2].load(std::memory_order_relaxed);
        to[3] = from[3].load(std::memory_order_relaxed);
        to += 4;
        from += 4;
    }
    for (; words != 0; --words) {
        *to++ = (from++)->load(std::memory_order_relaxed);
    }
}

// An event's header, in and out.
template <class Atomics, class Word>
[[gnu::always_inline]] inline void store_header(Word* to, std::uint64_t first, std::uint64_t second) {
    if constexpr (Atomics::kVectorCopy) {
        store_vector(to, first, second);
    } else {
        to[0].store(first, std::memory_order_relaxed);
        to[1].store(second, std::memory_order_relaxed);
    }
}

// Gives the first word, as it was copied.
template <class Atomics, class Word>
[[gnu::always_inline]] inline std::uint64_t copy_header(std::uint64_t* to, const Word* from) {
    if constexpr (Atomics::kVectorCopy) {
        return copy_vector_and_look(to, from);
    } else {
        to[0] = from[0].load(std::memory_order_relaxed);
        to[1] = from[1].load(std::memory_order_relaxed);
        return to[0];
    }
}

// Copies `bytes` private bytes into the words of one cell; the rest of the last unit becomes zero, so that no byte the
// caller did not mean to publish reaches shared memory.
template <class Atomics, class Word>
[[gnu::always_inline]] inline void copy_into_cell(Word* to, const void* from, std::size_t bytes) {
    if constexpr (Atomics::kVectorCopy) {
        copy_in_vectors(to, from, bytes);
    } else {
        copy_words_into_cell(to, static_cast<const std::byte*>(from), bytes);
    }
}

// The same for as many bytes as RingMemory::is_usual says.
template <class Atomics, class Word>
[[gnu::always_inline]] inline void copy_usual_into_cell(Word* to, const std::byte* from, std::size_t bytes) {
    if constexpr (Atomics::kVectorCopy) {
        // A compiler that knows what `from` points to, but not that is_usual refused a payload as small as that, would
        // warn of pieces that are never read. It forgets here, and that is all: no instruction.
        asm("" : "+r"(from));
        copy_vectors(reinterpret_cast<std::byte*>(to), from, bytes);
    } else {
        copy_words_into_cell(to, from, bytes);
    }
}

template <class Atomics, class Word>
[[gnu::always_inline]] inline void copy_usual_out_of_cell(std::uint64_t* to, const Word* from, std::size_t bytes) {
    if constexpr (Atomics::kVectorCopy) {
        copy_vectors(reinterpret_cast<std::byte*>(to), reinterpret_cast<const std::byte*>(from), bytes);
    } else {
        copy_words_out_of_cell(to, from, (bytes + kWordBytes - 1) / kWordBytes);
    }
}

// Copies `bytes` bytes of one cell into private memory, whole units. What arrives may be torn.
template <class Atomics, class Word>
[[gnu::always_inline]] inline void copy_out_of_cell(std::uint64_t* to, const Word* from, std::size_t bytes) {
    if constexpr (Atomics::kVectorCopy) {
        copy_in_vectors(to, from, bytes);
    } else {
        copy_words_out_of_cell(to, from, (bytes + kWordBytes - 1) / kWordBytes);
    }
}

// The same for a piece of an event that takes several cells, most of which are whole.
template <class Atomics, class Word>
[[gnu::always_inline]] inline void copy_piece_into_cell(Word* to, const std::byte* from, std::size_t bytes) {
    if (Atomics::kVectorCopy && bytes == AEGIS_CELL_DATA_BYTES) {
        copy_vectors_of_cell(to, from);
    } else {
        copy_into_cell<Atomics>(to, from, bytes);
    }
}

template <class Atomics, class Word>
[[gnu::always_inline]] inline void copy_piece_out_of_cell(std::uint64_t* to, const Word* from, std::size_t bytes) {
    if (Atomics::kVectorCopy && bytes == AEGIS_CELL_DATA_BYTES) {
        copy_vectors_of_cell(to, from);
    } else {
        copy_out_of_cell<Atomics>(to, from, bytes);
    }
}

}  // namespace aegis::ring::detail
