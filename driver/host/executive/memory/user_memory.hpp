// Memory of the process that calls, as the driver meets it: an address, behind which there may be nothing.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <span>

namespace aegis::host {

// `claimed` bytes that a process passes, of which it has `content`. Whoever touches them by their address faults: the
// process may take them away at any time, so only MmCopyMemory reads them. Borrowed, and this thread's alone; the last
// one made goes first.
class UserMemory {
  public:
    UserMemory(std::span<const std::byte> content, std::size_t claimed);
    explicit UserMemory(std::span<const std::byte> content) : UserMemory(content, content.size()) {}
    ~UserMemory();
    UserMemory(const UserMemory&) = delete;
    UserMemory& operator=(const UserMemory&) = delete;

    PVOID address() const { return address_; }

  private:
    PVOID address_;
};

}  // namespace aegis::host

// In newer headers of Windows a union of a virtual and a physical address.
inline constexpr ULONG MM_COPY_MEMORY_PHYSICAL = 1;
inline constexpr ULONG MM_COPY_MEMORY_VIRTUAL = 2;

// <= APC_LEVEL. Not in ntifs.h, because mingw's import library lacks it: drivers look it up by name. Where memory is
// the system's own, this host touches it.
extern "C" NTSTATUS NTAPI MmCopyMemory(PVOID TargetAddress, PVOID SourceAddress, SIZE_T NumberOfBytes, ULONG Flags,
                                       PSIZE_T NumberOfBytesTransferred);
