// A user mapping that fails outside any guard ends the process, as it does NT. Inside the driver's own guard it is an
// error of the request: tests/driver runs that against the image, a thousand times.

#include <gtest/gtest.h>
#include <ntifs.h>

#include <memory>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/memory/local_address_space.hpp"
#include "driver/host/image/raising_call.hpp"

namespace aegis::test {
namespace {

using MapLockedPages = PVOID(NTAPI*)(PMDL, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, PVOID, ULONG, ULONG);

constexpr ULONG kTag = 0x74736574;  // "test" as poolmon shows it

class Raise : public testing::Test {
  protected:
    void SetUp() override {
        testing::GTEST_FLAG(death_test_style) = "threadsafe";
        pages_ = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, kTag);
        mdl_ = IoAllocateMdl(pages_, PAGE_SIZE, FALSE, FALSE, nullptr);
        MmBuildMdlForNonPagedPool(mdl_);
    }

    void TearDown() override {
        IoFreeMdl(mdl_);
        ExFreePoolWithTag(pages_, kTag);
    }

    PVOID map(KPROCESSOR_MODE mode) {
        const auto function = reinterpret_cast<MapLockedPages>(const_cast<void*>(host::raising_map_locked_pages()));
        const host::ProcessScope scope(*process_, KernelMode);
        return function(mdl_, mode, MmCached, nullptr, FALSE, NormalPagePriority | MdlMappingNoExecute);
    }

    host::Executive executive_;
    host::ProcessRef process_ =
        executive_.create_process(8, host::Account::kAdministrator, std::make_unique<host::LocalAddressSpace>(1));
    PVOID pages_ = nullptr;
    PMDL mdl_ = nullptr;
};

TEST_F(Raise, PassesOnWhatSucceeds) {
    PVOID mapped = map(UserMode);
    ASSERT_NE(mapped, nullptr);
    *static_cast<volatile int*>(mapped) = 5;
    EXPECT_EQ(*static_cast<volatile int*>(pages_), 5);
    const host::ProcessScope scope(*process_, KernelMode);
    MmUnmapLockedPages(mapped, mdl_);
}

TEST_F(Raise, AKernelMappingThatFailsReturnsNull) {
    executive_.faults().arm(1);
    EXPECT_EQ(map(KernelMode), nullptr);
}

using RaiseDeathTest = Raise;

TEST_F(RaiseDeathTest, IntoCodeThatIsNoImageIsABugcheck) {
    executive_.faults().arm(1);
    EXPECT_DEATH(map(UserMode), "STOP: KMODE_EXCEPTION_NOT_HANDLED .*belongs to no driver image");
}

TEST_F(RaiseDeathTest, TheHandlerItselfIsNeverCalled) {
    const auto handler = reinterpret_cast<void(NTAPI*)()>(const_cast<void*>(host::c_specific_handler()));
    EXPECT_DEATH(handler(), "STOP: KMODE_EXCEPTION_NOT_HANDLED");
}

}  // namespace
}  // namespace aegis::test
