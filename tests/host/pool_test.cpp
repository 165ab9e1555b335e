// Kernel pool: what a block is like, and every way to misuse one.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "driver/host/executive/memory/pool_pages.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

using Pool = ExecutiveTest;

// Catches: zeroed pool (fill with 0), under which a driver that forgets to initialize works here and not on NT.
TEST_F(Pool, ABlockArrivesPoisoned) {
    for (const SIZE_T bytes : {SIZE_T{1}, SIZE_T{100}, SIZE_T{PAGE_SIZE}, SIZE_T{3 * PAGE_SIZE + 1}}) {
        auto* block = static_cast<unsigned char*>(ExAllocatePoolWithTag(NonPagedPoolNx, bytes, kTag));
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(
            std::all_of(block, block + bytes, [](unsigned char value) { return value == host::kPoolAllocatedPoison; }));
        ExFreePoolWithTag(block, kTag);
    }
}

// Catches: a page-sized block taken from the small blocks (`>` for `>=` in Pool::allocate).
TEST_F(Pool, BlocksOfAPageOrMoreStartOnAPage) {
    for (const SIZE_T bytes : {SIZE_T{PAGE_SIZE}, SIZE_T{PAGE_SIZE + 1}, SIZE_T{4'460'544}}) {
        PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, kTag);
        EXPECT_EQ(BYTE_OFFSET(block), 0U);
        ExFreePoolWithTag(block, kTag);
    }
}

TEST_F(Pool, StopsOnADoubleFree) {
    AEGIS_EXPECT_STOP(
        {
            PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, kTag);
            ExFreePoolWithTag(block, kTag);
            ExFreePoolWithTag(block, kTag);
        },
        "BAD_POOL_CALLER", "'Test' freed twice");
}

TEST_F(Pool, StopsOnAnotherTag) {
    AEGIS_EXPECT_STOP(ExFreePoolWithTag(ExAllocatePoolWithTag(PagedPool, 64, kTag), 0x65746F4E), "BAD_POOL_CALLER",
                      "tag 'Test' freed with tag 'Note'");
}

TEST_F(Pool, StopsOnAWildPointer) {
    int local = 0;
    AEGIS_EXPECT_STOP(ExFreePoolWithTag(&local, kTag), "BAD_POOL_CALLER", "no pool block");
}

TEST_F(Pool, StopsOnAnEmptyBlockOrTag) {
    AEGIS_EXPECT_STOP(ExAllocatePoolWithTag(NonPagedPoolNx, 0, kTag), "BAD_POOL_CALLER", "0 bytes");
    AEGIS_EXPECT_STOP(ExAllocatePoolWithTag(NonPagedPoolNx, 1, 0), "BAD_POOL_CALLER", "1 bytes");
}

TEST_F(Pool, StopsOnExecutablePool) {
    AEGIS_EXPECT_STOP(ExAllocatePoolWithTag(NonPagedPool, 64, kTag), "DRIVER_VERIFIER_DETECTED_VIOLATION",
                      "executable pool with tag 'Test'");
}

// AddressSanitizer stops the write itself; without it the guard behind the block is found damaged.
// Catches: the guard not checked, or not poisoned.
TEST_F(Pool, AnOverrunIsFound) {
    for (const SIZE_T bytes : {SIZE_T{24}, SIZE_T{PAGE_SIZE + 8}}) {
        EXPECT_DEATH(
            {
                auto* block = static_cast<volatile unsigned char*>(ExAllocatePoolWithTag(NonPagedPoolNx, bytes, kTag));
                block[bytes] = 1;
                ExFreePoolWithTag(const_cast<unsigned char*>(block), kTag);
            },
            "STOP: DRIVER_CORRUPTED_EXPOOL|AddressSanitizer: use-after-poison");
    }
}

// Catches: paged pool allocated or freed up to DISPATCH_LEVEL like nonpaged pool.
TEST_F(Pool, PagedPoolIsOutOfReachAtDispatchLevel) {
    PVOID paged = ExAllocatePoolWithTag(PagedPool, 64, kTag);
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KLOCK_QUEUE_HANDLE handle;
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, kTag);
    ExFreePoolWithTag(block, kTag);
    AEGIS_EXPECT_STOP(ExAllocatePoolWithTag(PagedPool, 64, kTag), "IRQL_NOT_LESS_OR_EQUAL", "ExAllocatePoolWithTag");
    AEGIS_EXPECT_STOP(ExFreePoolWithTag(paged, kTag), "IRQL_NOT_LESS_OR_EQUAL", "ExFreePoolWithTag of paged pool");
    KeReleaseInStackQueuedSpinLock(&handle);
    ExFreePoolWithTag(paged, kTag);
}

// Catches: verify_access() that looks at a block's first byte only, or at every IRQL.
TEST_F(Pool, PageableMemoryMayNotBeTouchedAtDispatchLevel) {
    auto* paged = static_cast<unsigned char*>(ExAllocatePoolWithTag(PagedPool, 64, kTag));
    PVOID resident = ExAllocatePoolWithTag(NonPagedPoolNx, 64, kTag);
    executive().verify_access(paged, 64);
    KSPIN_LOCK lock = 0;
    const KIRQL old = KeAcquireSpinLockRaiseToDpc(&lock);
    executive().verify_access(resident, 64);
    AEGIS_EXPECT_STOP(executive().verify_access(paged + 63, 100), "IRQL_NOT_LESS_OR_EQUAL", "pageable");
    KeReleaseSpinLock(&lock, old);
    ExFreePoolWithTag(paged, kTag);
    ExFreePoolWithTag(resident, kTag);
}

// A read-only share must stay so for a client with every privilege: it may reopen the descriptor by its name in /proc.
// Catches: F_SEAL_FUTURE_WRITE left out; the descriptor handed out being the writable one.
TEST(PoolPages, AReadOnlyShareCannotBeWrittenByAnyRoute) {
    auto pages = host::PoolPages::allocate(PAGE_SIZE);
    ASSERT_TRUE(pages);
    const host::UniqueFd shared = pages->share(false);
    ASSERT_TRUE(shared);
    EXPECT_EQ(::mmap(nullptr, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, shared.get(), 0), MAP_FAILED);
    void* readable = ::mmap(nullptr, PAGE_SIZE, PROT_READ, MAP_SHARED, shared.get(), 0);
    ASSERT_NE(readable, MAP_FAILED);
    EXPECT_NE(::mprotect(readable, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);

    const std::string by_name = "/proc/self/fd/" + std::to_string(shared.get());
    const host::UniqueFd reopened(::open(by_name.c_str(), O_RDWR | O_CLOEXEC));
    if (reopened) {
        EXPECT_EQ(::mmap(nullptr, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, reopened.get(), 0), MAP_FAILED);
        EXPECT_LT(::pwrite(reopened.get(), "x", 1, 0), 0);
        EXPECT_NE(::fallocate(reopened.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE), 0);
    }
    // The driver's own mapping is older than the seal.
    pages->data()[0] = std::byte{0x5A};
    EXPECT_EQ(*static_cast<unsigned char*>(readable), 0x5A);
    ::munmap(readable, PAGE_SIZE);
}

// A client that shrinks the file makes the driver fault; one that seals it makes the next mapping fail.
// Catches: F_SEAL_SHRINK or F_SEAL_SEAL left out.
TEST(PoolPages, AWritableShareCannotBeResizedOrSealed) {
    auto pages = host::PoolPages::allocate(PAGE_SIZE);
    ASSERT_TRUE(pages);
    const host::UniqueFd shared = pages->share(true);
    ASSERT_TRUE(shared);
    EXPECT_NE(::ftruncate(shared.get(), 0), 0);
    EXPECT_NE(::ftruncate(shared.get(), off_t{2} * PAGE_SIZE), 0);
    EXPECT_NE(::fcntl(shared.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
}

// Catches: pages shared writable after someone got them as read-only.
TEST(PoolPages, PagesAreSharedEitherReadOnlyOrWritable) {
    auto read_only = host::PoolPages::allocate(PAGE_SIZE);
    EXPECT_TRUE(read_only->share(false));
    EXPECT_FALSE(read_only->share(true));
    EXPECT_TRUE(read_only->share(false));
    auto writable = host::PoolPages::allocate(PAGE_SIZE);
    EXPECT_TRUE(writable->share(true));
    EXPECT_FALSE(writable->share(false));
}

}  // namespace
}  // namespace aegis::test
