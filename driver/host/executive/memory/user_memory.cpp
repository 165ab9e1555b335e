#include "driver/host/executive/memory/user_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <vector>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

// Addresses that nobody can touch, for all threads: what one passes begins somewhere in there. More than any request
// may claim.
constexpr std::size_t kRangeBytes = std::size_t{1} << 33;
// What is passed inside of what is passed begins so far behind it.
constexpr std::size_t kStride = std::size_t{1} << 32;
// No driver is given memory down here.
constexpr std::uintptr_t kLowestAddress = 0x10000;

struct Passed {
    std::uintptr_t address;
    std::span<const std::byte> content;
};

std::vector<Passed>& passed_here() {
    thread_local std::vector<Passed> passed;
    return passed;
}

std::uintptr_t untouchable_range() {
    static void* const range =
        mmap(nullptr, kRangeBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
        throw std::system_error(errno, std::generic_category(), "addresses for user memory");
    }
    return reinterpret_cast<std::uintptr_t>(range);
}

// Not a multiple of anything: what a process passes need not be aligned.
constexpr std::size_t kFirst = 0x10001;

// How much can be read there.
std::span<const std::byte> readable_at(std::uintptr_t address) {
    const std::uintptr_t range = untouchable_range();
    for (const Passed& passed : passed_here()) {
        if (address >= passed.address && address < passed.address + passed.content.size()) {
            return passed.content.subspan(address - passed.address);
        }
    }
    if (address < kLowestAddress || (address >= range && address < range + kRangeBytes)) {
        return {};
    }
    return {reinterpret_cast<const std::byte*>(address), SIZE_MAX};
}

}  // namespace

UserMemory::UserMemory(std::span<const std::byte> content, std::size_t claimed)
    : address_(reinterpret_cast<PVOID>(untouchable_range() + kFirst + passed_here().size() % 2 * kStride)) {
    const std::size_t there = std::min({content.size(), claimed, kStride / 2});
    passed_here().push_back({reinterpret_cast<std::uintptr_t>(address_), content.first(there)});
}

UserMemory::~UserMemory() {
    passed_here().pop_back();
}

}  // namespace aegis::host

extern "C" NTSTATUS NTAPI MmCopyMemory(PVOID TargetAddress, PVOID SourceAddress, SIZE_T NumberOfBytes, ULONG Flags,
                                       PSIZE_T NumberOfBytesTransferred) {
    aegis::host::require_irql(APC_LEVEL, "MmCopyMemory");
    *NumberOfBytesTransferred = 0;
    if (aegis::host::executive_parts().faults.should_fail("MmCopyMemory")) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (Flags != MM_COPY_MEMORY_VIRTUAL) {
        return STATUS_INVALID_PARAMETER;
    }
    const auto source = aegis::host::readable_at(reinterpret_cast<std::uintptr_t>(SourceAddress));
    const std::size_t bytes = std::min<std::size_t>(source.size(), NumberOfBytes);
    if (bytes != 0) {
        std::memcpy(TargetAddress, source.data(), bytes);
    }
    *NumberOfBytesTransferred = bytes;
    return bytes == NumberOfBytes ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}
