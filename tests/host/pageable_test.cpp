// Memory that NT may page out is out of the driver's reach at DISPATCH_LEVEL and above.
#include <memory>

#include "driver/host/executive/memory/pageable.hpp"
#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kAddressSanitizer = false;
#endif

// Volatile: nothing becomes of what is read.
char touch(const void* address) {
    return *static_cast<const volatile char*>(address);
}

class Pageable : public ExecutiveTest {
  protected:
    void SetUp() override {
        if (!kAddressSanitizer) {
            GTEST_SKIP() << "only AddressSanitizer sees it";
        }
        KeInitializeSpinLock(&lock_);
    }

    // Touches the address at DISPATCH_LEVEL.
    void touch_at_dispatch(const void* address) {
        KLOCK_QUEUE_HANDLE entry;
        KeAcquireInStackQueuedSpinLock(&lock_, &entry);
        touch(address);
        KeReleaseInStackQueuedSpinLock(&entry);
    }

    KSPIN_LOCK lock_{};
};

// Catches: memory not poisoned when the IRQL rises, or not to its last byte.
TEST_F(Pageable, MemoryIsOutOfReachAtDispatchLevel) {
    for (const std::size_t bytes : {1U, 7U, 8U, 100U}) {
        const std::unique_ptr<char[]> memory(new char[bytes]());
        const host::PageableMemory pageable(memory.get(), bytes);
        EXPECT_DEATH(touch_at_dispatch(memory.get()), "use-after-poison") << bytes;
        EXPECT_DEATH(touch_at_dispatch(memory.get() + bytes - 1), "use-after-poison") << bytes;
    }
}

// Catches: memory left poisoned when the IRQL falls, or when it is pageable no more; APC_LEVEL taken for too high.
TEST_F(Pageable, MemoryIsWithinReachBelowAndAfterwards) {
    const std::unique_ptr<char[]> memory(new char[13]());
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    {
        const host::PageableMemory pageable(memory.get(), 13);
        for (int round = 0; round < 2; ++round) {
            touch(&memory[12]);
            touch_at_dispatch(&mutex);
        }
        ExAcquireFastMutex(&mutex);
        touch(&memory[12]);
        ExReleaseFastMutex(&mutex);
    }
    touch_at_dispatch(&memory[12]);
}

// Reads the name of a new process as it must not be read.
void NTAPI read_under_a_lock(PEPROCESS, HANDLE, PPS_CREATE_NOTIFY_INFO info) {
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KLOCK_QUEUE_HANDLE entry;
    KeAcquireInStackQueuedSpinLock(&lock, &entry);
    touch(info->ImageFileName->Buffer);
    KeReleaseInStackQueuedSpinLock(&entry);
}

// Catches: an image name that is lent as if it could not be paged out.
TEST_F(Pageable, TheNameOfANewProcessIs) {
    host::ProcessCreation creation;
    creation.pid = 500;
    creation.image_path = u"/bin/true";
    EXPECT_DEATH(
        {
            PsSetCreateProcessNotifyRoutineEx(read_under_a_lock, FALSE);
            executive().raise_process_create(creation);
        },
        "use-after-poison");
}

// Reads the names of an image as they must not be read.
void NTAPI read_name_under_a_lock(PUNICODE_STRING name, HANDLE, PIMAGE_INFO info) {
    const UNICODE_STRING* const read =
        name != nullptr ? name : &CONTAINING_RECORD(info, IMAGE_INFO_EX, ImageInfo)->FileObject->FileName;
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KLOCK_QUEUE_HANDLE entry;
    KeAcquireInStackQueuedSpinLock(&lock, &entry);
    touch(read->Buffer);
    KeReleaseInStackQueuedSpinLock(&entry);
}

// Catches: either name of an image lent as if it could not be paged out.
TEST_F(Pageable, TheNamesOfAnImageAre) {
    host::ImageLoad of_path;
    of_path.path = u"\\Device\\x.dll";
    host::ImageLoad of_file;
    of_file.file_name = u"\\x.dll";
    for (const host::ImageLoad& load : {of_path, of_file}) {
        EXPECT_DEATH(
            {
                PsSetLoadImageNotifyRoutine(read_name_under_a_lock);
                executive().raise_image_load(load);
            },
            "use-after-poison");
    }
}

}  // namespace
}  // namespace aegis::test
