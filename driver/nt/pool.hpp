// Nonpaged, non-executable pool with one tag, always zeroed.
#pragma once

#include <cstddef>
#include <new>

#include "nt/nt.hpp"

namespace aegis::driver {

inline constexpr ULONG kPoolTag = 0x73676541;  // "Aegs" as poolmon shows it

// Null when there is none. A whole number of pages comes page-aligned and shares no page with anyone else, so it may
// be mapped into a process. IRQL <= DISPATCH_LEVEL.
inline void* allocate_nonpaged(std::size_t bytes) {
    void* block = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, kPoolTag);
    if (block != nullptr) {
        RtlZeroMemory(block, bytes);
    }
    return block;
}

// IRQL <= DISPATCH_LEVEL.
inline void free_nonpaged(void* block) {
    ExFreePoolWithTag(block, kPoolTag);
}

// An object of its own in pool; null when there is no memory. T's constructor must not fail.
// IRQL <= DISPATCH_LEVEL.
template <class T>
T* create_nonpaged() {
    void* block = allocate_nonpaged(sizeof(T));
    return block == nullptr ? nullptr : new (block) T;
}

template <class T>
void destroy_nonpaged(T* object) {
    object->~T();
    free_nonpaged(object);
}

}  // namespace aegis::driver
