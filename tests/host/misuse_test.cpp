// Misuse that has no other place: objects of the wrong kind, nothing initialized, arguments that no driver has.
#include <string>

#include "host/support/executive_test.hpp"

namespace aegis::test {
namespace {

using Misuse = ExecutiveTest;

constexpr const char* kViolation = "\\*\\*\\* STOP: DRIVER_VERIFIER_DETECTED_VIOLATION \\(";

// Catches: the event not looked at by one of its functions.
TEST_F(Misuse, StopsOnAnEventThatWasNotInitialized) {
    KEVENT event{};
    event.Header.Type = 0x77;
    EXPECT_DEATH(KeResetEvent(&event), std::string(kViolation) + "KeResetEvent of .* no initialized event");
    EXPECT_DEATH(KeReadStateEvent(&event), std::string(kViolation) + "KeReadStateEvent of .* no initialized event");
    EXPECT_DEATH(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr),
                 std::string(kViolation) + "KeWaitForSingleObject of .* no initialized event");
}

TEST_F(Misuse, StopsOnADeviceForAnotherDriver) {
    DRIVER_OBJECT other{};
    PDEVICE_OBJECT device = nullptr;
    EXPECT_DEATH(IoCreateDevice(&other, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &device),
                 std::string(kViolation) + "IoCreateDevice for .* not the driver");
}

TEST_F(Misuse, StopsOnAnMdlForAnIrp) {
    IRP irp{};
    EXPECT_DEATH(IoAllocateMdl(nullptr, 1, FALSE, FALSE, &irp), std::string(kViolation) + "IoAllocateMdl for an IRP");
}

TEST_F(Misuse, StopsOnAUserMappingAtAChosenAddress) {
    const MappablePages pages(PAGE_SIZE);
    EXPECT_DEATH(MmMapLockedPagesSpecifyCache(pages.mdl, UserMode, MmCached, reinterpret_cast<PVOID>(0x10000), FALSE,
                                              NormalPagePriority),
                 std::string(kViolation) + "a user mapping is asked for at the address");
    MappablePages(pages).release();
}

// Catches: the cache type of a mapping not looked at.
TEST_F(Misuse, StopsOnAUserMappingThatIsNotCached) {
    const MappablePages pages(PAGE_SIZE);
    for (const MEMORY_CACHING_TYPE cache : {MmNonCached, MmWriteCombined}) {
        EXPECT_DEATH(MmMapLockedPagesSpecifyCache(pages.mdl, UserMode, cache, nullptr, FALSE, NormalPagePriority),
                     std::string(kViolation) + "a user mapping of nonpaged pool is asked for with cache type");
    }
    MappablePages(pages).release();
}

// Catches: an object of another type taken for a process.
TEST_F(Misuse, StopsOnWhatIsNoProcess) {
    int local = 0;
    EXPECT_DEATH(PsGetProcessId(reinterpret_cast<PEPROCESS>(&local)), "STOP: REFERENCE_BY_POINTER \\(.* no process");
}

TEST_F(Misuse, StopsOnRundownProtectionReinitializedTooEarly) {
    EX_RUNDOWN_REF reference;
    ExInitializeRundownProtection(&reference);
    EXPECT_DEATH(ExReInitializeRundownProtection(&reference), std::string(kViolation) + "rundown protection reinit");
}

}  // namespace
}  // namespace aegis::test
