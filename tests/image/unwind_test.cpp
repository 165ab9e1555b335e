// The search for the block that catches an exception: on unwind data made by hand, and on the image that ships.

#include "driver/host/image/unwind.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "driver/host/image/driver_image.hpp"
#include "image/support.hpp"

namespace aegis::test {
namespace {

using host::HandlerSearch;
using host::PeDirectory;

const int g_specific_handler = 0;

// One function at 0x100–0x140 that guards 0x110–0x120, its block at 0x130; its handler is the thunk at 0x180, which
// jumps through the slot at 0x1A0. Function table at 0x200, unwind data at 0x240.
class HandMadeImage {
  public:
    HandMadeImage() : bytes_(0x400) {
        put<std::uint16_t>(0x180, 0x25FF);
        put<std::int32_t>(0x182, 0x1A0 - 0x186);
        put<const void*>(0x1A0, &g_specific_handler);
        put<std::uint32_t>(0x200, 0x100);
        put<std::uint32_t>(0x204, 0x140);
        put<std::uint32_t>(0x208, 0x240);
        put<std::uint8_t>(0x240, 1 | 1 << 3);  // version 1, exception handler
        put<std::uint8_t>(0x242, 1);           // one code, padded to two
        put<std::uint32_t>(0x248, 0x180);      // handler
        put<std::uint32_t>(0x24C, 1);          // scopes
        put<std::uint32_t>(0x250, 0x110);
        put<std::uint32_t>(0x254, 0x120);
        put<std::uint32_t>(0x258, 1);  // execute the handler
        put<std::uint32_t>(0x25C, 0x130);
    }

    template <class T>
    void put(std::size_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof(value));
    }

    // What the table's reader says when it refuses the table, stands for what the search says.
    HandlerSearch find(std::uint32_t return_rva, std::size_t mapped = 0x400) const {
        const auto image = std::span(bytes_).first(mapped);
        const host::FunctionTableResult functions = host::FunctionTable::read(image, PeDirectory{0x200, 12});
        if (!functions.table) {
            return {0, functions.error};
        }
        return host::find_handler(image, *functions.table, return_rva, &g_specific_handler);
    }

  private:
    std::vector<std::byte> bytes_;
};

TEST(FindHandler, FindsTheBlockOfTheScopeThatHoldsTheReturnAddress) {
    const HandMadeImage image;
    EXPECT_EQ(image.find(0x110).target_rva, 0x130U);
    EXPECT_EQ(image.find(0x11F).target_rva, 0x130U);
    EXPECT_EQ(image.find(0x10F).why_none, "no __try block of the caller covers the call");
    EXPECT_EQ(image.find(0x120).why_none, "no __try block of the caller covers the call");
    EXPECT_EQ(image.find(0x0FF).why_none, "the caller has no unwind data");
    EXPECT_EQ(image.find(0x140).why_none, "the caller has no unwind data");
}

// Catches: each check of find_handler() left out.
TEST(FindHandler, SaysWhyThereIsNone) {
    const auto with = [](std::size_t at, auto value) {
        HandMadeImage image;
        image.put(at, value);
        const HandlerSearch search = image.find(0x118);
        EXPECT_EQ(search.target_rva, 0U);
        return search.why_none;
    };
    EXPECT_EQ(with(0x240, std::uint8_t{2 | 1 << 3}),
              "the unwind data of the function at RVA 0x100 have another version");
    EXPECT_EQ(with(0x240, std::uint8_t{1}), "the caller has no exception handler");
    EXPECT_EQ(with(0x240, std::uint8_t{1 | 2 << 3}), "the caller has no exception handler");
    EXPECT_EQ(with(0x1A0, std::uint64_t{0x1234}), "the caller's handler is not __C_specific_handler");
    EXPECT_EQ(with(0x180, std::uint16_t{0x9090}), "the caller's handler is not __C_specific_handler");
    EXPECT_EQ(with(0x258, std::uint32_t{0x150}), "the caller's scope has a filter function or no block");
    EXPECT_EQ(with(0x25C, std::uint32_t{0}), "the caller's scope has a filter function or no block");
    EXPECT_EQ(with(0x25C, std::uint32_t{0x400}), "the caller's scope has a filter function or no block");
    EXPECT_EQ(with(0x24C, std::uint32_t{0}), "no __try block of the caller covers the call");
    EXPECT_EQ(with(0x208, std::uint32_t{0x3FE}), "the unwind data of the function at RVA 0x100 have another version");
}

TEST(FindHandler, ReadsNothingOutsideTheImage) {
    const HandMadeImage image;
    for (std::size_t mapped = 0; mapped < 0x260; ++mapped) {
        EXPECT_EQ(image.find(0x118, mapped).target_rva, 0U) << mapped;
    }
    HandMadeImage endless;
    endless.put<std::uint32_t>(0x24C, 0xFFFFFFFF);
    EXPECT_EQ(endless.find(0x138).why_none, "the caller's scope table ends outside the image");
}

// Exactly one function of the driver catches: the guard around the user mapping.
TEST(FindHandler, FindsTheGuardOfTheShippedDriver) {
    const auto resolver = [](std::string_view, std::string_view) -> const void* { return &g_specific_handler; };
    const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), resolver);
    ASSERT_TRUE(result.image) << result.error;
    std::vector<std::uint32_t> targets;
    for (std::uint32_t rva = 0; rva < result.image->file().image_bytes; ++rva) {
        const HandlerSearch search =
            host::find_handler(result.image->bytes(), result.image->functions(), rva, &g_specific_handler);
        if (search.target_rva != 0 && (targets.empty() || targets.back() != search.target_rva)) {
            targets.push_back(search.target_rva);
        }
    }
    EXPECT_EQ(targets.size(), 1U);
}

}  // namespace
}  // namespace aegis::test
