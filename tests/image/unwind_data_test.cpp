// Unwind data that do not tell what the code does: found when the image is mapped, or when a function that they are
// wrong about calls the executive.

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>

#include "driver/host/image/unwind_info.hpp"
#include "image/entry_points.hpp"

namespace aegis::test {
namespace {

constexpr unsigned kPush = 0;
constexpr unsigned kAllocateLarge = 1;
constexpr unsigned kAllocateSmall = 2;

// The address of the first code with one of these operations in the unwind data of a function. Every other code of the
// driver's prologues before it takes one slot.
std::uint32_t code_of(const ChangedImage& image, std::uint32_t function_rva, std::initializer_list<unsigned> wanted) {
    const auto unwind = image.get<host::RuntimeFunction>(image.function_row(function_rva)).unwind_info_rva;
    const unsigned slots = image.get<std::uint8_t>(unwind + 2);
    for (unsigned slot = 0; slot < slots; ++slot) {
        const std::uint32_t code = unwind + 4 + slot * 2;
        const unsigned operation = image.get<std::uint8_t>(code + 1) & 0xFU;
        for (const unsigned one : wanted) {
            if (operation == one) {
                return code;
            }
        }
    }
    ADD_FAILURE() << "no such code in the function at " << function_rva;
    return unwind;
}

// As .seh_stackalloc with eight bytes more than the prologue takes.
ChangedImage with_wrong_allocation(std::uint32_t function_rva) {
    ChangedImage image;
    const std::uint32_t code = code_of(image, function_rva, {kAllocateSmall, kAllocateLarge});
    const auto operation = image.get<std::uint8_t>(code + 1);
    if ((operation & 0xFU) == kAllocateSmall) {
        image.put(code + 1, static_cast<std::uint8_t>(operation + 0x10));
    } else {
        image.put(code + 2, static_cast<std::uint16_t>(image.get<std::uint16_t>(code + 2) + 1));
    }
    return image;
}

// As .seh_pushreg of another register than the prologue pushes.
ChangedImage with_wrong_register(std::uint32_t function_rva) {
    ChangedImage image;
    const std::uint32_t code = code_of(image, function_rva, {kPush});
    const auto operation = image.get<std::uint8_t>(code + 1);
    // rbx for another one, r15 for rbx.
    image.put(code + 1, static_cast<std::uint8_t>((operation & 0xFU) | ((operation >> 4U) == 3 ? 0xF0U : 0x30U)));
    return image;
}

// Catches: a frame taken for what it should be instead of what its unwind data say.
TEST(UnwindDataDeathTest, ThatAllocateAnotherFrameAreFound) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const EntryPoints& points = entry_points();
    for (const std::uint32_t function : {points.guard, points.entry, points.unload, points.control, points.notify}) {
        EXPECT_DEATH(with_wrong_allocation(function).live(),
                     "STOP: KMODE_EXCEPTION_NOT_HANDLED .*calls the executive, and the unwind data of its function");
    }
}

// Catches: only the way back looked at, not the registers that a handler on it would have.
TEST(UnwindDataDeathTest, ThatSaveAnotherRegisterAreFound) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const EntryPoints& points = entry_points();
    for (const std::uint32_t function : {points.entry, points.control}) {
        // A register that its caller's frame is found by leads further astray.
        EXPECT_DEATH(with_wrong_register(function).live(),
                     "STOP: KMODE_EXCEPTION_NOT_HANDLED .*(do not say where its caller's registers are|lead off the "
                     "stack)");
    }
}

// NT does not find a row that is out of its place. Catches: a table searched from its begin; its order not checked.
TEST(UnwindData, OfAnUnsortedTableRefuseTheImage) {
    ChangedImage image;
    const std::uint32_t first = image.pe().exceptions.rva;
    const std::uint32_t second = first + sizeof(host::RuntimeFunction);
    const auto row = image.get<host::RuntimeFunction>(first);
    image.put(first, image.get<host::RuntimeFunction>(second));
    image.put(second, row);
    const host::DriverImageResult result = image.bind();
    EXPECT_EQ(result.image, nullptr);
    EXPECT_TRUE(result.error.starts_with("the function table is not sorted: the function at RVA 0x1000 comes after"))
        << result.error;
}

TEST(UnwindData, OfAnotherVersionRefuseTheImage) {
    ChangedImage image;
    const auto unwind = image.get<host::RuntimeFunction>(image.pe().exceptions.rva).unwind_info_rva;
    image.put(unwind, std::uint8_t{2});
    EXPECT_EQ(image.bind().error, "the unwind data of the function at RVA 0x1000 have another version");
}

// A function without a row has a caller that NT does not find its way to.
TEST(UnwindDataDeathTest, ThatAreMissingAreFound) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ChangedImage image;
    const std::uint32_t row = image.function_row(entry_points().guard);
    auto function = image.get<host::RuntimeFunction>(row);
    function.end_rva = function.begin_rva + 1;
    image.put(row, function);
    EXPECT_DEATH(image.live(), "STOP: KMODE_EXCEPTION_NOT_HANDLED .*are missing");
}

}  // namespace
}  // namespace aegis::test
