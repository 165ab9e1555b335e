// How much stack an image's code gets, and what happens to a function that needs more.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

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
