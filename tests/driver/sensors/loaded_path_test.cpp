// What an image event makes of a path: whole up to 498 units, beginning and end of a longer one.

#include "sensors/loaded_path.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace aegis::test {
namespace {

constexpr std::size_t kTailBegins = AEGIS_IMAGE_CUT_HEAD + AEGIS_IMAGE_CUT_MARK;
constexpr char16_t kLead = 0xD83D;
constexpr char16_t kTrail = 0xDE00;

// A path of this many units, no two neighbours equal.
std::u16string path_of(std::size_t units) {
    std::u16string path;
    for (std::size_t i = 0; i < units; ++i) {
        path += static_cast<char16_t>(u'a' + i % 26);
    }
    return path;
}

struct Copied {
    AEGIS_IMAGE_PAYLOAD payload;
    std::size_t bytes;

    std::u16string path() const { return {reinterpret_cast<const char16_t*>(payload.Path), payload.PathLength}; }
};

// The payload as the sensor hands it over: a fixed part of zeros, and what the stack held before.
Copied copy(const UNICODE_STRING* string) {
    Copied copied;
    std::memset(&copied.payload, 0xEE, sizeof(copied.payload));
    std::memset(&copied.payload, 0, AEGIS_IMAGE_PAYLOAD_FIXED);
    copied.bytes = driver::copy_loaded_path(string, &copied.payload);
    return copied;
}

// In memory of its own that ends with the last unit, so that a sanitizer sees a read past it.
Copied copy(const std::u16string& path) {
    std::vector<WCHAR> units(path.begin(), path.end());
    const auto bytes = static_cast<USHORT>(path.size() * sizeof(WCHAR));
    WCHAR empty = 0;
    const UNICODE_STRING string{bytes, bytes, units.empty() ? &empty : units.data()};
    return copy(&string);
}

// Catches: the limit off by one; bytes behind the path counted or changed.
TEST(LoadedPath, WhatFitsIsWhole) {
    for (const std::size_t units : {0U, 1U, 128U, 131U, 497U, 498U}) {
        const Copied copied = copy(path_of(units));
        EXPECT_EQ(copied.path(), path_of(units)) << units;
        EXPECT_EQ(copied.payload.PathFullLength, units);
        EXPECT_EQ(copied.bytes, units * 2);
        EXPECT_EQ(copied.payload.Path[units], 0xEEEE);
    }
}

// Catches: a length that is said wrong, a beginning or an end in another place, the end of the path lost.
TEST(LoadedPath, WhatDoesNotFitLosesItsMiddle) {
    for (const std::size_t units : {499U, 500U, 510U, 511U, 600U, 32767U}) {
        const std::u16string path = path_of(units);
        const Copied copied = copy(path);
        EXPECT_EQ(copied.bytes, AEGIS_IMAGE_MAX_PATH_REPORTED * 2U);
        EXPECT_EQ(copied.payload.PathFullLength, units);
        EXPECT_EQ(copied.path(),
                  path.substr(0, AEGIS_IMAGE_CUT_HEAD) + u"..." + path.substr(units - AEGIS_IMAGE_CUT_TAIL));
    }
}

// Catches: half a pair on either side; a unit that stands alone in the path taken for half a pair.
TEST(LoadedPath, NoPairIsHalved) {
    constexpr std::size_t kUnits = 600;
    constexpr std::size_t kTail = kUnits - AEGIS_IMAGE_CUT_TAIL;
    std::u16string path = path_of(kUnits);
    path[AEGIS_IMAGE_CUT_HEAD - 1] = kLead;
    path[AEGIS_IMAGE_CUT_HEAD] = kTrail;
    path[kTail - 1] = kLead;
    path[kTail] = kTrail;
    Copied copied = copy(path);
    EXPECT_EQ(copied.payload.Path[AEGIS_IMAGE_CUT_HEAD - 1], u'.');
    EXPECT_EQ(copied.payload.Path[kTailBegins], u'.');
    EXPECT_EQ(copied.payload.Path[kTailBegins + 1], path[kTail + 1]);
    EXPECT_EQ(copied.payload.PathLength, AEGIS_IMAGE_MAX_PATH_REPORTED);

    path[AEGIS_IMAGE_CUT_HEAD] = u'x';
    path[kTail - 1] = u'x';
    copied = copy(path);
    EXPECT_EQ(copied.payload.Path[AEGIS_IMAGE_CUT_HEAD - 1], kLead);
    EXPECT_EQ(copied.payload.Path[kTailBegins], kTrail);

    // Pairs that are whole stay so.
    path = path_of(kUnits);
    path[AEGIS_IMAGE_CUT_HEAD - 2] = kLead;
    path[AEGIS_IMAGE_CUT_HEAD - 1] = kTrail;
    path[kTail] = kLead;
    path[kTail + 1] = kTrail;
    copied = copy(path);
    EXPECT_EQ(copied.payload.Path[AEGIS_IMAGE_CUT_HEAD - 1], kTrail);
    EXPECT_EQ(copied.payload.Path[kTailBegins], kLead);
}

TEST(LoadedPath, WithoutATextThereIsNone) {
    EXPECT_EQ(copy(static_cast<const UNICODE_STRING*>(nullptr)).bytes, 0U);
    const UNICODE_STRING without_buffer{20, 20, nullptr};
    const Copied copied = copy(&without_buffer);
    EXPECT_EQ(copied.bytes, 0U);
    EXPECT_EQ(copied.payload.PathLength, 0U);
    EXPECT_EQ(copied.payload.PathFullLength, 0U);
}

}  // namespace
}  // namespace aegis::test
