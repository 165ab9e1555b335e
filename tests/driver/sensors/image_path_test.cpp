// What a process event makes of an image path: whole up to 511 units, beginning and end of a longer one.

#include "sensors/image_path.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace aegis::test {
namespace {

constexpr std::size_t kMostUnits = 32767;  // what a UNICODE_STRING can count
constexpr WCHAR kLead = 0xD83D;
constexpr WCHAR kTrail = 0xDE00;

// A path of this many units, no two neighbours equal, with a name of its own at the end.
std::u16string path_of(std::size_t units) {
    std::u16string path;
    for (std::size_t i = 0; i < units; ++i) {
        path += static_cast<char16_t>(u'a' + i % 26);
    }
    return path;
}

struct Copied {
    AEGIS_PROCESS_PAYLOAD payload;
    std::size_t bytes;

    std::u16string path() const {
        return {reinterpret_cast<const char16_t*>(payload.ImagePath), payload.ImagePathLength};
    }
    unsigned place() const { return payload.ImagePath[AEGIS_PATH_CUT_PLACE]; }
    unsigned full_length() const { return payload.ImagePath[AEGIS_PATH_CUT_FULL]; }
};

// The payload as the sensor hands it over: a fixed part of zeros, and what the stack held before.
Copied copy(const UNICODE_STRING& string, bool vouched) {
    Copied copied;
    std::memset(&copied.payload, 0xEE, sizeof(copied.payload));
    std::memset(&copied.payload, 0, AEGIS_PROCESS_PAYLOAD_FIXED);
    copied.bytes = driver::copy_image_path(&string, vouched, &copied.payload);
    return copied;
}

Copied copy(std::u16string path, bool vouched = true) {
    const auto bytes = static_cast<USHORT>(path.size() * sizeof(WCHAR));
    return copy(UNICODE_STRING{bytes, bytes, path.data()}, vouched);
}

// Catches: the limit off by one.
TEST(ImagePath, WhatFitsIsWhole) {
    for (const std::size_t units : {0U, 1U, 128U, 131U, 509U, 510U, 511U}) {
        const Copied copied = copy(path_of(units));
        EXPECT_EQ(copied.path(), path_of(units)) << units;
        EXPECT_EQ(copied.bytes, units * 2);
        EXPECT_EQ(copied.payload.ImagePathExact, 1);
        EXPECT_EQ(copied.payload.ImagePathFlags, 0);
    }
}

// Catches: an end that is lost, a middle that is not where the event says, a wrong length, a cut path called exact.
TEST(ImagePath, WhatDoesNotFitLosesItsMiddle) {
    for (const std::size_t units : {std::size_t{512}, std::size_t{513}, std::size_t{4095}, kMostUnits}) {
        const std::u16string path = path_of(units);
        const Copied copied = copy(path);
        EXPECT_EQ(copied.path(), path.substr(0, 128) + u"..." + path.substr(units - 378)) << units;
        EXPECT_EQ(copied.bytes, sizeof(copied.payload.ImagePath));
        EXPECT_EQ(copied.payload.ImagePath[509], 0);
        EXPECT_EQ(copied.place(), 128U);
        EXPECT_EQ(copied.full_length(), units);
        EXPECT_EQ(copied.payload.ImagePathExact, 0);
        EXPECT_EQ(copied.payload.ImagePathFlags, AEGIS_PATH_CUT | AEGIS_PATH_CUT_EXACT);
    }
}

// Catches: a cut that hides whether Windows vouched for the name.
TEST(ImagePath, WhetherWindowsVouchesIsToldApartFromTheCut) {
    EXPECT_EQ(copy(path_of(511), false).payload.ImagePathExact, 0);
    EXPECT_EQ(copy(path_of(511), false).payload.ImagePathFlags, 0);
    EXPECT_EQ(copy(path_of(512), false).payload.ImagePathFlags, AEGIS_PATH_CUT);
}

// Catches: a surrogate pair split at either side of the cut; what the shorter text leaves behind not cleared.
TEST(ImagePath, NoPairIsSplitAtTheCut) {
    constexpr std::size_t kUnits = 1000;
    std::u16string path = path_of(kUnits);
    path.replace(127, 2, {kLead, kTrail});
    path.replace(kUnits - 379, 2, {kLead, kTrail});
    const Copied copied = copy(path);
    EXPECT_EQ(copied.path(), path.substr(0, 127) + u"..." + path.substr(kUnits - 377));
    EXPECT_EQ(copied.place(), 127U);
    for (std::size_t i = 507; i < 510; ++i) {
        EXPECT_EQ(copied.payload.ImagePath[i], 0) << i;
    }
    EXPECT_EQ(copied.full_length(), kUnits);
}

// Catches: a pair that ends at the cut, or begins behind it, taken for one that is split.
TEST(ImagePath, APairBesideTheCutStays) {
    constexpr std::size_t kUnits = 1000;
    std::u16string path = path_of(kUnits);
    path.replace(126, 2, {kLead, kTrail});
    path.replace(kUnits - 378, 2, {kLead, kTrail});
    EXPECT_EQ(copy(path).path(), path.substr(0, 128) + u"..." + path.substr(kUnits - 378));
}

// Catches: a unit that only looks like half a pair being dropped: it is what Windows produced.
TEST(ImagePath, UnpairedSurrogatesAtTheCutStay) {
    constexpr std::size_t kUnits = 1000;
    for (const auto& [before, after] : {std::pair(kLead, WCHAR{u'x'}), std::pair(WCHAR{u'x'}, kTrail),
                                        std::pair(kTrail, kLead), std::pair(kLead, kLead), std::pair(kTrail, kTrail),
                                        std::pair(kLead, WCHAR{0xE000}), std::pair(WCHAR{0xE000}, kTrail)}) {
        std::u16string path = path_of(kUnits);
        path.replace(127, 2, {before, after});
        path.replace(kUnits - 379, 2, {before, after});
        EXPECT_EQ(copy(path).path(), path.substr(0, 128) + u"..." + path.substr(kUnits - 378));
    }
}

// Half a unit is none. Catches: an odd length rounded up, MaximumLength taken for Length.
TEST(ImagePath, OnlyTheLengthCountsAndOnlyWholeUnits) {
    std::u16string text = path_of(600);
    for (const std::size_t units : {std::size_t{7}, std::size_t{510}, std::size_t{511}}) {
        const auto odd = static_cast<USHORT>(units * 2 + 1);
        const Copied copied = copy(UNICODE_STRING{odd, 1200, text.data()}, true);
        EXPECT_EQ(copied.path(), text.substr(0, units)) << units;
        EXPECT_EQ(copied.payload.ImagePathFlags, 0);
    }
    const Copied cut = copy(UNICODE_STRING{1025, 1200, text.data()}, true);
    EXPECT_EQ(cut.path(), text.substr(0, 128) + u"..." + text.substr(512 - 378, 378));
    EXPECT_EQ(cut.full_length(), 512U);
}

// Catches: a read behind the text, or before it. The pages on both sides are not there.
TEST(ImagePath, NothingBesideTheTextIsRead) {
    constexpr std::size_t kPage = 4096;
    void* const pages = ::mmap(nullptr, 3 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    std::byte* const readable = static_cast<std::byte*>(pages) + kPage;
    ASSERT_EQ(::mprotect(readable, kPage, PROT_READ | PROT_WRITE), 0);
    for (const std::size_t units : {std::size_t{40}, std::size_t{511}, std::size_t{512}, kPage / 2}) {
        const std::u16string path = path_of(units);
        const std::size_t bytes = units * sizeof(WCHAR);
        for (std::byte* const place : {readable, readable + kPage - bytes}) {
            std::memcpy(place, path.data(), bytes);
            const auto length = static_cast<USHORT>(bytes);
            EXPECT_EQ(copy(UNICODE_STRING{length, length, reinterpret_cast<PWSTR>(place)}, true).path().back(),
                      path.back());
        }
    }
    ::munmap(pages, 3 * kPage);
}

TEST(ImagePath, WithoutANameNothingIsWritten) {
    AEGIS_PROCESS_PAYLOAD payload{};
    EXPECT_EQ(driver::copy_image_path(nullptr, true, &payload), 0U);
    const UNICODE_STRING without_buffer{6, 6, nullptr};
    EXPECT_EQ(driver::copy_image_path(&without_buffer, true, &payload), 0U);
    const AEGIS_PROCESS_PAYLOAD untouched{};
    EXPECT_EQ(std::memcmp(&payload, &untouched, sizeof(payload)), 0);
}

}  // namespace
}  // namespace aegis::test
