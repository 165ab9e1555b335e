// The contract at run time: what a C program and a C++ program of this platform find in the same headers.
#include <gtest/gtest.h>

#include <cstring>
#include <string_view>

#include "aegis/event.h"
#include "aegis/ioctl.h"
#include "aegis/policy.h"
#include "aegis/ring_layout.h"
#include "aegis/version.h"
#include "layout_row.h"

#if defined(_WIN32)
#include <windows.h>
#include <winioctl.h>
#endif

namespace aegis::contract {
namespace {

constexpr LayoutRow kRowsOfCxx[] = {
#include "layout_row_macros.inc"
#include "layout_rows.inc"
};

// Catches: a moved or resized field, a renumbered constant.
TEST(Contract, NumbersAreThoseOfThisVersion) {
    for (const LayoutRow& row : kRowsOfCxx) {
        EXPECT_EQ(row.actual, row.expected) << row.what;
    }
}

// Catches: a declaration that C and C++ lay out differently.
TEST(Contract, CAndCxxAgree) {
    std::size_t count = 0;
    const LayoutRow* rows_of_c = aegis_contract_rows_of_c(&count);
    ASSERT_EQ(count, std::size(kRowsOfCxx));
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(rows_of_c[i].actual, kRowsOfCxx[i].actual) << kRowsOfCxx[i].what;
    }
}

// Catches: a field of the wrong width or order that offsets alone would not show.
TEST(Contract, AnEventHeaderIsTheseBytes) {
    const AEGIS_EVENT_HEADER header{0x0420, AEGIS_EVENT_PROCESS_CREATE, 0xA1B2C3D4, 0x01DD78D8BA5037D8};
    const unsigned char expected[] = {0x20, 0x04, 0x01, 0x00, 0xD4, 0xC3, 0xB2, 0xA1,
                                      0xD8, 0x37, 0x50, 0xBA, 0xD8, 0x78, 0xDD, 0x01};
    static_assert(sizeof(expected) == sizeof(header));
    EXPECT_EQ(std::memcmp(&header, expected, sizeof(expected)), 0);
}

// Catches: a renamed device, link or service.
TEST(Contract, NamesAreThoseOfTheProduct) {
    EXPECT_EQ(std::string_view(AEGIS_SERVICE_NAME), "AegisMon");
    EXPECT_EQ(std::string_view(AEGIS_DEVICE_NAME), R"(\Device\AegisMon)");
    EXPECT_EQ(std::string_view(AEGIS_LINK_NAME), R"(\??\AegisMon)");
    EXPECT_EQ(std::string_view(AEGIS_WIN32_PATH), R"(\\.\AegisMon)");
}

// Catches: a version number that was raised in one place only.
TEST(Contract, VersionStringMatchesItsNumbers) {
    EXPECT_EQ(std::string_view(AEGIS_VERSION_STRING), std::to_string(AEGIS_VERSION_MAJOR) + "." +
                                                          std::to_string(AEGIS_VERSION_MINOR) + "." +
                                                          std::to_string(AEGIS_VERSION_PATCH));
}

#if defined(_WIN32)
// Catches: a control code whose access bits or method are not what the header says.
TEST(Contract, ControlCodesAreWhatTheWindowsHeadersCompute) {
    constexpr DWORD kRead = FILE_READ_DATA;
    constexpr DWORD kReadWrite = FILE_READ_DATA | FILE_WRITE_DATA;
    EXPECT_EQ(AEGIS_IOCTL_GET_EVENTS, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, kRead));
    EXPECT_EQ(AEGIS_IOCTL_RING_SETUP, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, kReadWrite));
    EXPECT_EQ(AEGIS_IOCTL_RING_TEARDOWN, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, kReadWrite));
    EXPECT_EQ(AEGIS_IOCTL_QUERY, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, kRead));
    EXPECT_EQ(AEGIS_IOCTL_SET_POLICY, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_WRITE_DATA));
    EXPECT_EQ(AEGIS_IOCTL_GET_POLICY, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x805, METHOD_BUFFERED, kRead));
    EXPECT_EQ(AEGIS_IOCTL_PROTECT, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x806, METHOD_BUFFERED, FILE_WRITE_DATA));
    EXPECT_EQ(AEGIS_IOCTL_SOURCE_LOSS, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x880, METHOD_BUFFERED, FILE_ANY_ACCESS));
    EXPECT_EQ(AEGIS_IOCTL_NO_SOURCE, CTL_CODE(FILE_DEVICE_UNKNOWN, 0x881, METHOD_BUFFERED, FILE_ANY_ACCESS));
}
#endif

}  // namespace
}  // namespace aegis::contract
