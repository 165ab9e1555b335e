// The functions of the executive that look at the image which calls them.

#include "driver/host/image/image_exports.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "driver/host/executive/executive.hpp"
#include "driver/host/image/import_gates.hpp"
#include "image/entry_points.hpp"

namespace aegis::test {
namespace {

UNICODE_STRING counted(const char16_t* text) {
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
}

// Catches: an image that is linked without --forceinteg seeing processes here, and none on Windows.
TEST(ImageExports, AnImageWithoutForcedIntegrityIsDeniedProcessNotifications) {
    ChangedImage image;
    EXPECT_EQ(image.live().Callbacks[0].Registered, 1U);
    const std::uint32_t characteristics = image.get<std::uint32_t>(0x3C) + 24 + 70;
    image.put(characteristics, static_cast<std::uint16_t>(image.get<std::uint16_t>(characteristics) & ~0x0080U));
    const AEGIS_QUERY_REPLY reply = image.live();
    EXPECT_EQ(reply.Callbacks[0].Registered, 0U);
    EXPECT_EQ(static_cast<NTSTATUS>(reply.Callbacks[0].Status), STATUS_ACCESS_DENIED);
}

// Catches: a function that is looked up running on the kernel stack, which is too small for a host's.
TEST(ImageExports, WhatIsLookedUpIsWhatAnImportIsBoundTo) {
    const host::Executive executive;
    using LookUp = PVOID(NTAPI*)(PUNICODE_STRING);
    const auto look_up = reinterpret_cast<LookUp>(const_cast<void*>(host::image_export("MmGetSystemRoutineAddress")));
    UNICODE_STRING known = counted(u"KeQuerySystemTimePrecise");
    ASSERT_NE(host::import_gate("KeQuerySystemTimePrecise"), nullptr);
    EXPECT_EQ(look_up(&known), host::import_gate("KeQuerySystemTimePrecise"));
    UNICODE_STRING unknown = counted(u"ExAllocatePool2");
    EXPECT_EQ(look_up(&unknown), nullptr);
}

// Catches: a gate in the place of a variable.
TEST(ImageExports, VariablesHaveNoGate) {
    EXPECT_EQ(host::import_gate("SeExports"), nullptr);
    EXPECT_EQ(host::import_gate("NoSuchName"), nullptr);
}

}  // namespace
}  // namespace aegis::test
