#include "nt/safe_copy.hpp"

#include "nt/system_routine.hpp"

namespace aegis::driver {
namespace {

// mingw-w64 declares neither the routine nor its flag. The address is a union of a virtual and a physical one, of eight
// bytes, which travels as they do.
using CopyMemory = NTSTATUS(NTAPI*)(PVOID target, PVOID source, SIZE_T bytes, ULONG flags, SIZE_T* copied);
constexpr ULONG kMmCopyMemoryVirtual = 2;

// Written before any callback is registered; null before Windows 8.1.
CopyMemory g_copy = nullptr;

}  // namespace

void find_safe_copy() {
    g_copy = find_system_routine<CopyMemory>(u"MmCopyMemory");
}

std::size_t copy_safely(const void* from, std::size_t bytes, void* to) {
    if (g_copy == nullptr || from == nullptr || bytes == 0) {
        return 0;
    }
    SIZE_T copied = 0;
    g_copy(to, const_cast<void*>(from), bytes, kMmCopyMemoryVirtual, &copied);
    return copied;
}

}  // namespace aegis::driver
