// MDLs and user mappings.
#include <csignal>
#include <cstring>

#include "driver/consumers/mapping_guard.h"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

constexpr ULONG kReadOnly = NormalPagePriority | MdlMappingNoWrite | MdlMappingNoExecute;
constexpr ULONG kWritable = NormalPagePriority | MdlMappingNoExecute;

constexpr SIZE_T kTwoPages = SIZE_T{2} * PAGE_SIZE;

PVOID map(PMDL mdl, ULONG priority) {
    return AegisGuardedMapLockedPages(mdl, UserMode, MmCached, nullptr, FALSE, priority);
}

using Mapping = ExecutiveTest;

// Catches: a copy instead of a second mapping; the block's offset left out of the address.
TEST_F(Mapping, AClientSeesTheDriversBytes) {
    const host::ProcessRef process = client(100);
    MappablePages pages(kTwoPages);
    std::memset(pages.block, 0, kTwoPages);
    const host::ProcessScope scope(*process, UserMode);
    auto* seen = static_cast<volatile unsigned char*>(map(pages.mdl, kReadOnly));
    ASSERT_NE(seen, nullptr);
    EXPECT_NE(static_cast<volatile void*>(seen), pages.block);
    static_cast<unsigned char*>(pages.block)[PAGE_SIZE + 5] = 42;
    EXPECT_EQ(seen[PAGE_SIZE + 5], 42);
    MmUnmapLockedPages(const_cast<unsigned char*>(seen), pages.mdl);
    pages.release();
}

// Catches: the no-write flag ignored.
TEST_F(Mapping, AReadOnlyMappingFaultsOnAWrite) {
    const host::ProcessRef process = client(100);
    MappablePages pages(PAGE_SIZE);
    const host::ProcessScope scope(*process, UserMode);
    auto* seen = static_cast<volatile unsigned char*>(map(pages.mdl, kReadOnly));
    EXPECT_DEATH(seen[0] = 1, "");
    MmUnmapLockedPages(const_cast<unsigned char*>(seen), pages.mdl);
    pages.release();
}

// Catches: flags taken for their opposite; a mapping that stays listed after its unmap.
TEST_F(Mapping, WhatIsMappedIsListedWithItsProtection) {
    const host::ProcessRef process = client(100);
    MappablePages read_only(kTwoPages);
    MappablePages writable(PAGE_SIZE);
    {
        const host::ProcessScope scope(*process, UserMode);
        PVOID first = map(read_only.mdl, kReadOnly);
        PVOID second = map(writable.mdl, NormalPagePriority);
        const auto listed = executive().mappings(process);
        ASSERT_EQ(listed.size(), 2U);
        EXPECT_EQ(listed[0].address, reinterpret_cast<std::uint64_t>(first));
        EXPECT_EQ(listed[0].bytes, kTwoPages);
        EXPECT_FALSE(listed[0].writable);
        EXPECT_FALSE(listed[0].executable);
        EXPECT_TRUE(listed[1].writable);
        EXPECT_TRUE(listed[1].executable);
        static_cast<volatile unsigned char*>(second)[7] = 9;
        EXPECT_EQ(static_cast<unsigned char*>(writable.block)[7], 9);
        MmUnmapLockedPages(first, read_only.mdl);
        MmUnmapLockedPages(second, writable.mdl);
    }
    EXPECT_TRUE(executive().mappings(process).empty());
    read_only.release();
    writable.release();
}

// One MDL, several processes: each has a mapping of its own.
// Catches: mappings looked up by MDL or by address alone.
TEST_F(Mapping, EachProcessHasItsOwn) {
    const host::ProcessRef first = client(100);
    const host::ProcessRef second = client(200);
    MappablePages pages(PAGE_SIZE);
    PVOID in_first = nullptr;
    PVOID in_second = nullptr;
    {
        const host::ProcessScope scope(*first, UserMode);
        in_first = map(pages.mdl, kReadOnly);
    }
    KAPC_STATE state;
    auto* target = reinterpret_cast<PRKPROCESS>(second.get());
    KeStackAttachProcess(target, &state);
    in_second = map(pages.mdl, kReadOnly);
    MmUnmapLockedPages(in_second, pages.mdl);
    KeUnstackDetachProcess(&state);
    EXPECT_EQ(executive().mappings(first).size(), 1U);
    EXPECT_TRUE(executive().mappings(second).empty());
    const host::ProcessScope scope(*first, UserMode);
    MmUnmapLockedPages(in_first, pages.mdl);
    pages.release();
}

TEST_F(Mapping, StopsOnAnUnmapInTheWrongProcess) {
    const host::ProcessRef owner = client(100);
    const host::ProcessRef other = client(200);
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            PVOID address = nullptr;
            {
                const host::ProcessScope scope(*owner, UserMode);
                address = map(pages.mdl, kReadOnly);
            }
            const host::ProcessScope scope(*other, UserMode);
            MmUnmapLockedPages(address, pages.mdl);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "wrong process 200: .* in process 100");
}

TEST_F(Mapping, StopsOnASecondUnmap) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            const host::ProcessScope scope(*process, UserMode);
            PVOID address = map(pages.mdl, kReadOnly);
            MmUnmapLockedPages(address, pages.mdl);
            MmUnmapLockedPages(address, pages.mdl);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "process 100, which has no such mapping");
}

TEST_F(Mapping, StopsWhenAProcessExitsWithOneLeft) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            {
                const host::ProcessScope scope(*process, UserMode);
                map(pages.mdl, kReadOnly);
            }
            executive().exit_process(process);
        },
        "PROCESS_HAS_LOCKED_PAGES", "4096 bytes mapped at .* in process 100");
}

TEST_F(Mapping, StopsWhenAnMdlInUseIsFreed) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            const host::ProcessScope scope(*process, UserMode);
            map(pages.mdl, kReadOnly);
            IoFreeMdl(pages.mdl);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "IoFreeMdl of an MDL in use");
}

TEST_F(Mapping, StopsWhenABlockInUseIsFreed) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            const host::ProcessScope scope(*process, UserMode);
            map(pages.mdl, kReadOnly);
            ExFreePoolWithTag(pages.block, kTag);
        },
        "BAD_POOL_CALLER", "freed while in use");
}

TEST_F(Mapping, StopsOnAnMdlFreedTwice) {
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            IoFreeMdl(pages.mdl);
            IoFreeMdl(pages.mdl);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "no MDL");
}

TEST_F(Mapping, StopsOnAnMdlThatWasNotBuilt) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, kTag);
            PMDL mdl = IoAllocateMdl(block, PAGE_SIZE, FALSE, FALSE, nullptr);
            const host::ProcessScope scope(*process, UserMode);
            map(mdl, kReadOnly);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "not built");
}

// Catches: an MDL over pageable memory, or past the end of a block, accepted.
TEST_F(Mapping, StopsOnAnMdlOverWhatIsNotOneNonpagedBlock) {
    AEGIS_EXPECT_STOP(
        {
            PVOID block = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, kTag);
            MmBuildMdlForNonPagedPool(IoAllocateMdl(block, PAGE_SIZE, FALSE, FALSE, nullptr));
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "not one nonpaged block");
    AEGIS_EXPECT_STOP(
        {
            PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, kTag);
            MmBuildMdlForNonPagedPool(IoAllocateMdl(block, PAGE_SIZE + 1, FALSE, FALSE, nullptr));
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "not one nonpaged block");
}

// The last page of a whole-and-a-bit block holds other blocks too, on NT.
// Catches: only the first page of a mapping looked at; its size or its offset left out of the check.
TEST_F(Mapping, StopsWhenAMappingWouldExposeOtherBlocks) {
    const host::ProcessRef process = client(100);
    for (const SIZE_T bytes : {SIZE_T{PAGE_SIZE - 1}, SIZE_T{PAGE_SIZE + 1}, SIZE_T{3 * PAGE_SIZE - 8}}) {
        AEGIS_EXPECT_STOP(
            {
                MappablePages pages(bytes);
                const host::ProcessScope scope(*process, UserMode);
                map(pages.mdl, kReadOnly);
            },
            "DRIVER_VERIFIER_DETECTED_VIOLATION", "would expose them");
    }
    AEGIS_EXPECT_STOP(
        {
            auto* block = static_cast<std::byte*>(ExAllocatePoolWithTag(NonPagedPoolNx, kTwoPages, kTag));
            PMDL mdl = IoAllocateMdl(block + 64, PAGE_SIZE, FALSE, FALSE, nullptr);
            MmBuildMdlForNonPagedPool(mdl);
            const host::ProcessScope scope(*process, UserMode);
            map(mdl, kReadOnly);
        },
        "DRIVER_VERIFIER_DETECTED_VIOLATION", "would expose them");
}

// The pages of such a block that are its own may be mapped.
// Catches: a stop on every block whose size is not whole pages.
TEST_F(Mapping, TheWholePagesOfABlockMayBeMapped) {
    const host::ProcessRef process = client(100);
    auto* block = static_cast<unsigned char*>(ExAllocatePoolWithTag(NonPagedPoolNx, kTwoPages + 8, kTag));
    PMDL mdl = IoAllocateMdl(block + PAGE_SIZE, PAGE_SIZE, FALSE, FALSE, nullptr);
    MmBuildMdlForNonPagedPool(mdl);
    const host::ProcessScope scope(*process, UserMode);
    auto* seen = static_cast<volatile unsigned char*>(map(mdl, kReadOnly));
    ASSERT_NE(seen, nullptr);
    block[PAGE_SIZE + 5] = 7;
    EXPECT_EQ(seen[5], 7);
    MmUnmapLockedPages(const_cast<unsigned char*>(seen), mdl);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(block, kTag);
}

// Catches: the bare call returning null where NT raises.
TEST_F(Mapping, AFailureRaisesAndOnlyTheGuardCatchesIt) {
    const host::ProcessRef full =
        executive().create_process(100, host::Account::kAdministrator, std::make_unique<host::LocalAddressSpace>(0));
    MappablePages pages(PAGE_SIZE);
    const host::ProcessScope scope(*full, UserMode);
    EXPECT_EQ(map(pages.mdl, kReadOnly), nullptr);
    AEGIS_EXPECT_STOP(MmMapLockedPagesSpecifyCache(pages.mdl, UserMode, MmCached, nullptr, FALSE, kReadOnly),
                      "KMODE_EXCEPTION_NOT_HANDLED", "raised outside a guard");
    pages.release();
}

// Catches: a block that one process maps read-only being mapped writable into another.
TEST_F(Mapping, ABlockIsNotMappedBothWays) {
    const host::ProcessRef process = client(100);
    MappablePages pages(PAGE_SIZE);
    const host::ProcessScope scope(*process, UserMode);
    PVOID address = map(pages.mdl, kReadOnly);
    EXPECT_EQ(map(pages.mdl, kWritable), nullptr);
    MmUnmapLockedPages(address, pages.mdl);
    pages.release();
}

TEST_F(Mapping, UserMappingsNeedApcLevel) {
    const host::ProcessRef process = client(100);
    AEGIS_EXPECT_STOP(
        {
            MappablePages pages(PAGE_SIZE);
            const host::ProcessScope scope(*process, UserMode);
            KSPIN_LOCK lock = 0;
            KeAcquireSpinLockRaiseToDpc(&lock);
            map(pages.mdl, kReadOnly);
        },
        "IRQL_NOT_LESS_OR_EQUAL", "MmMapLockedPagesSpecifyCache called at IRQL 2, allowed up to 1");
}

// Pool has a system address: the block itself.
TEST_F(Mapping, StopsOnASecondSystemAddressOfPool) {
    AEGIS_EXPECT_STOP(MmMapLockedPagesSpecifyCache(MappablePages(PAGE_SIZE).mdl, KernelMode, MmCached, nullptr, FALSE,
                                                   NormalPagePriority),
                      "DRIVER_VERIFIER_DETECTED_VIOLATION", "mapped into the system already");
}

}  // namespace
}  // namespace aegis::test
