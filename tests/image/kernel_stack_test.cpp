// How much stack an image's code gets, and what happens to a function that needs more.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "driver/host/executive/executive.hpp"
#include "driver/host/image/image_thread.hpp"
#include "driver/host/image/kernel_stack.hpp"
#include "image/entry_points.hpp"

namespace aegis::test {
namespace {

// A function with a frame of so many bytes, touched at its far end; it returns STATUS_UNSUCCESSFUL.
struct [[gnu::packed]] FrameCode {
    explicit FrameCode(std::uint32_t frame_bytes) : allocated(frame_bytes), freed(frame_bytes) {}

    std::array<std::uint8_t, 3> allocate{0x48, 0x81, 0xEC};     // sub $allocated, %rsp
    std::uint32_t allocated;                                    //
    std::array<std::uint8_t, 4> touch{0xC6, 0x04, 0x24, 0x00};  // movb $0, (%rsp)
    std::array<std::uint8_t, 3> free{0x48, 0x81, 0xC4};         // add $freed, %rsp
    std::uint32_t freed;                                        //
    std::uint8_t move_to_eax = 0xB8;                            // mov $status, %eax
    std::uint32_t status = 0xC0000001;                          //
    std::uint8_t return_ = 0xC3;                                //
};

ChangedImage with_frame(std::uint32_t function_rva, std::uint32_t frame_bytes) {
    ChangedImage image;
    image.put(function_rva, FrameCode(frame_bytes));
    return image;
}

// What NT uses of a stack before the driver's first frame: a return address and the home of four registers.
constexpr std::uint32_t kCallerBytes = 0x28;

// Catches: an entry point that runs on another stack; a stack that is larger; a guard that a large frame jumps over.
TEST(KernelStackDeathTest, AFrameThatDoesNotFitStopsWithItsEntryPointsName) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const struct {
        std::uint32_t rva;
        const char* name;
    } points[] = {{entry_points().entry, "DriverEntry"},
                  {entry_points().unload, "DriverUnload"},
                  {entry_points().control, "a dispatch routine"},
                  {entry_points().notify, "a process notify routine"}};
    for (const auto& point : points) {
        for (const std::uint32_t bytes :
             {static_cast<std::uint32_t>(host::kKernelStackBytes) - kCallerBytes + 8, 100'000U}) {
            EXPECT_DEATH(with_frame(point.rva, bytes).live(), std::string("STOP: UNEXPECTED_KERNEL_MODE_TRAP \\(double "
                                                                          "fault: ") +
                                                                  point.name + " needs more than 12288 bytes");
        }
    }
}

// Catches: a stack that is smaller, or that is not given back when a call returns.
TEST(KernelStack, AFrameThatJustFitsRuns) {
    constexpr auto kFits = static_cast<std::uint32_t>(host::kKernelStackBytes) - kCallerBytes;
    for (int round = 0; round < 3; ++round) {
        with_frame(entry_points().entry, kFits).live();
        with_frame(entry_points().notify, kFits).live();
    }
}

TEST(KernelStack, TheImageThatShipsNeedsLess) {
    ChangedImage().live();
}

// The image with a function that NT does not call by itself, and its address in memory.
struct BoundFunction {
    template <std::size_t kBytes>
    explicit BoundFunction(const std::array<std::uint8_t, kBytes>& code) {
        ChangedImage changed;
        changed.put(entry_points().notify, code);
        image = changed.bind().image;
        address = image->bytes().data() + entry_points().notify;
    }

    std::uint64_t run() const { return host::run_image_code(address, "a test's function", {}).value(); }

    std::unique_ptr<host::DriverImage> image;
    const void* address;
};

// mov %rsp, %rax; ret
constexpr std::array<std::uint8_t, 4> kReturnStackPointer{0x48, 0x89, 0xE0, 0xC3};

// A driver's call may lead to another one of the same driver, on the same kernel stack.
// Catches: a stack of its own for the inner call; one that overwrites the outer call's frames.
TEST(KernelStack, ACallInsideACallGoesOnWhereTheOuterOneIs) {
    const BoundFunction function(kReturnStackPointer);
    std::uint64_t outer = 0;
    std::uint64_t inner = 0;
    host::ExecutiveOptions options;
    // Runs inside DbgPrintEx, which DriverEntry calls in the end.
    options.debug_print = [&](ULONG, std::string_view) {
        outer = host::current_executive_call()->stack_pointer;
        inner = function.run();
    };
    host::Executive executive(std::move(options));
    ASSERT_EQ(executive.load_driver(function.image->entry(), {}), STATUS_SUCCESS);
    EXPECT_EQ(inner, (outer & ~std::uint64_t{15}) - kCallerBytes);
    EXPECT_GT(function.run(), outer);
    EXPECT_EQ(executive.unload_driver(), host::UnloadResult::kUnloaded);
}

// inc %rbx; ret
TEST(KernelStackDeathTest, ARegisterThatIsNotPreservedIsFound) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const BoundFunction function(std::array<std::uint8_t, 4>{0x48, 0xFF, 0xC3, 0xC3});
    const host::Executive executive;
    EXPECT_DEATH(function.run(), "a test's function returned with a register changed that it must preserve");
}

// A fault elsewhere is none of the stack's.
TEST(KernelStackDeathTest, AnotherFaultIsNotTakenForOne) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ChangedImage image;
    // movb $0, 0
    image.put(entry_points().entry, std::array<std::uint8_t, 8>{0xC6, 0x04, 0x25, 0, 0, 0, 0, 0});
    EXPECT_EXIT(
        image.live(), [](int status) { return status != 0; }, "^[^*]*$|AddressSanitizer|ThreadSanitizer");
}

}  // namespace
}  // namespace aegis::test
