// The stack cookies of the image that ships: chosen before the driver runs, and fatal when they have changed.
#include <gtest/gtest.h>
#include <ntifs.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/exports.hpp"
#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/import_gates.hpp"
#include "driver/host/image/raising_call.hpp"
#include "image/support.hpp"

namespace aegis::test {
namespace {

constexpr std::uint64_t kDefaultCookie = 0x00002B992DDFA232;
constexpr std::uint32_t kCookieInLoadConfig = 0x58;

// The guard of the image that is about to be loaded, for the replaced import.
std::uint64_t* g_guard = nullptr;

// The driver calls it with a buffer on its stack; to that function the guard now looks as if the buffer had overrun it.
NTSTATUS NTAPI change_guard(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES) {
    *g_guard ^= 1;
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

std::unique_ptr<host::DriverImage> map_image(bool overrun) {
    const host::ImportResolver resolver = [overrun](std::string_view, std::string_view name) -> const void* {
        if (name == "ZwOpenKey" && overrun) {
            return reinterpret_cast<const void*>(&change_guard);
        }
        if (name == "__C_specific_handler") {
            return host::c_specific_handler();
        }
        const void* gate = host::import_gate(name);
        return gate != nullptr ? gate : host::find_export(name);
    };
    host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), resolver);
    EXPECT_TRUE(result.image) << result.error;
    return std::move(result.image);
}

// Where the load configuration says that the cookie is.
std::uint64_t* guard_of(const host::DriverImage& image) {
    const std::vector<host::PeSection>& sections = image.file().sections;
    const auto section =
        std::find_if(sections.begin(), sections.end(), [](const host::PeSection& one) { return one.name == ".ldcfg"; });
    EXPECT_NE(section, sections.end());
    const auto address = host::ByteReader(image.bytes()).read<std::uint64_t>(section->rva + kCookieInLoadConfig);
    EXPECT_TRUE(address);
    return reinterpret_cast<std::uint64_t*>(*address);
}

class StackGuard : public testing::Test {
  protected:
    void SetUp() override { testing::GTEST_FLAG(death_test_style) = "threadsafe"; }

    // The guard after a load, and an unload.
    std::uint64_t guard_after_load(std::uint64_t before) {
        const std::unique_ptr<host::DriverImage> image = map_image(false);
        std::uint64_t* const guard = guard_of(*image);
        EXPECT_EQ(*guard, kDefaultCookie);
        *guard = before;
        EXPECT_EQ(executive_.load_driver(image->entry(), {}), STATUS_SUCCESS);
        const std::uint64_t chosen = *guard;
        EXPECT_EQ(executive_.unload_driver(), host::UnloadResult::kUnloaded);
        return chosen;
    }

    host::Executive executive_;
};

// Catches: the same cookie at each load, or the one of the file; one without a byte that ends a string.
TEST_F(StackGuard, IsAnotherOneAtEachLoad) {
    const std::uint64_t first = guard_after_load(kDefaultCookie);
    const std::uint64_t second = guard_after_load(kDefaultCookie);
    EXPECT_NE(first, kDefaultCookie);
    EXPECT_NE(second, kDefaultCookie);
    EXPECT_NE(first, second);
    EXPECT_EQ((first | second) >> 48U, 0U);
}

// Catches: the kernel's better choice thrown away.
TEST_F(StackGuard, ThatTheLoaderChoseStays) {
    EXPECT_EQ(guard_after_load(0x0000123456789ABC), 0x0000123456789ABCU);
}

// Catches: a function with a buffer whose cookie nobody compares; an overrun that the driver survives.
TEST_F(StackGuard, ThatChangedUnderAFunctionIsABugcheck) {
    const std::unique_ptr<host::DriverImage> image = map_image(true);
    g_guard = guard_of(*image);
    EXPECT_DEATH(executive_.load_driver(image->entry(), {}), "STOP: DRIVER_OVERRAN_STACK_BUFFER");
}

}  // namespace
}  // namespace aegis::test
