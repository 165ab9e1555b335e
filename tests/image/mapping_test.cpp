// The image in memory: moved, bound, protected.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/image_loader.hpp"
#include "image/support.hpp"

namespace aegis::test {
namespace {

// Protection of the page at `address` as /proc/self/maps writes it, "r-xp" say.
std::string protection_of(const void* address) {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line)) {
        unsigned long long begin = 0;
        unsigned long long end = 0;
        char protection[5] = {};
        if (std::sscanf(line.c_str(), "%llx-%llx %4s", &begin, &end, protection) == 3 &&
            reinterpret_cast<std::uintptr_t>(address) - begin < end - begin) {
            return protection;
        }
    }
    return "none";
}

// Bound to numbers, so that a slot tells which import it belongs to.
struct RecordedImports {
    std::vector<std::string> names;
    std::set<std::string> modules;

    host::ImportResolver resolver() {
        return [this](std::string_view module, std::string_view name) {
            modules.emplace(module);
            names.emplace_back(name);
            return reinterpret_cast<const void*>(names.size());
        };
    }
};

TEST(MappedImage, HasEveryImportBoundByName) {
    RecordedImports imports;
    const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), imports.resolver());
    ASSERT_TRUE(result.image) << result.error;
    EXPECT_THAT(imports.modules, testing::ElementsAre("ntoskrnl.exe"));
    EXPECT_THAT(imports.names, testing::IsSupersetOf({"MmMapLockedPagesSpecifyCache", "__C_specific_handler",
                                                      "ExEventObjectType", "IoCreateDevice"}));
    // The address tables hold 1, 2, 3, … now.
    const auto* words = reinterpret_cast<const std::uint64_t*>(result.image->bytes().data());
    std::vector<std::uint64_t> expected(imports.names.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] = i + 1;
    }
    const auto* end = words + result.image->bytes().size() / sizeof(std::uint64_t);
    EXPECT_NE(std::search(words, end, expected.begin(), expected.end()), end);
}

// Catches: an import that is left alone when nobody exports it.
TEST(MappedImage, IsRefusedWhenAnImportIsMissing) {
    const host::ImportResolver resolver = [](std::string_view, std::string_view name) -> const void* {
        return name == "IoFreeMdl" ? nullptr : reinterpret_cast<const void*>(1);
    };
    const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), resolver);
    EXPECT_EQ(result.image, nullptr);
    EXPECT_EQ(result.error, "ntoskrnl.exe does not export IoFreeMdl");
}

TEST(MappedImage, IsProtectedAsItsSectionsSay) {
    RecordedImports imports;
    const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), imports.resolver());
    ASSERT_TRUE(result.image) << result.error;
    const std::byte* base = result.image->bytes().data();
    EXPECT_EQ(protection_of(base), "r--p");
    for (const host::PeSection& section : result.image->file().sections) {
        std::string expected = "r--p";
        expected[1] = (section.characteristics & host::kSectionWritable) != 0 ? 'w' : '-';
        expected[2] = (section.characteristics & host::kSectionExecutable) != 0 ? 'x' : '-';
        EXPECT_EQ(protection_of(base + section.rva), expected) << section.name;
        EXPECT_NE(expected, "rwxp") << section.name;
    }
}

// Catches: an import table or a resource that the linker left writable: whoever can write to the driver's memory once
// would have its next kernel call.
TEST(MappedImage, NobodyCanWriteTheImportTableOnceItIsBound) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    RecordedImports imports;
    const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), imports.resolver());
    ASSERT_TRUE(result.image) << result.error;
    const std::vector<host::PeSection>& sections = result.image->file().sections;
    for (const char* name : {".idata", ".rsrc"}) {
        const auto section = std::find_if(sections.begin(), sections.end(),
                                          [&](const host::PeSection& one) { return one.name == name; });
        ASSERT_NE(section, sections.end()) << name;
        const std::byte* bytes = result.image->bytes().data() + section->rva;
        EXPECT_EQ(protection_of(bytes), "r--p") << name;
        EXPECT_DEATH(*const_cast<volatile std::byte*>(bytes) = std::byte{0}, "") << name;
    }
}

// Catches: relocations left out. Each address that the image holds of itself has to lie in it.
TEST(MappedImage, HoldsNoAddressOfItsPreferredBase) {
    const std::vector<std::byte> file = read_file(image_path());
    RecordedImports imports;
    const host::DriverImageResult result = host::DriverImage::map(file, imports.resolver());
    ASSERT_TRUE(result.image) << result.error;
    const host::PeFile& pe = result.image->file();
    const host::ByteReader image(result.image->bytes());
    const auto base = reinterpret_cast<std::uintptr_t>(result.image->bytes().data());
    ASSERT_NE(base, pe.preferred_base);
    const auto block_page = image.read<std::uint32_t>(pe.relocations.rva);
    const auto block_bytes = image.read<std::uint32_t>(pe.relocations.rva + 4);
    ASSERT_TRUE(block_page && block_bytes && *block_bytes > 8);
    const auto entry = image.read<std::uint16_t>(pe.relocations.rva + 8);
    const auto address = image.read<std::uint64_t>(*block_page + (*entry & 0xFFFU));
    EXPECT_LT(*address - base, pe.image_bytes);
}

TEST(MappedImage, KnowsWhichAddressesAreItsOwn) {
    EXPECT_EQ(host::DriverImage::containing(reinterpret_cast<const void*>(&protection_of)), nullptr);
    RecordedImports imports;
    const std::byte* base = nullptr;
    {
        const host::DriverImageResult result = host::DriverImage::map(read_file(image_path()), imports.resolver());
        ASSERT_TRUE(result.image) << result.error;
        base = result.image->bytes().data();
        EXPECT_EQ(host::DriverImage::containing(base), result.image.get());
        EXPECT_EQ(host::DriverImage::containing(base + result.image->bytes().size() - 1), result.image.get());
        EXPECT_EQ(host::DriverImage::containing(base + result.image->bytes().size()), nullptr);
        EXPECT_EQ(host::DriverImage::containing(base - 1), nullptr);
        EXPECT_EQ(host::DriverImage::map(read_file(image_path()), imports.resolver()).error,
                  "another driver image is mapped");
    }
    EXPECT_EQ(host::DriverImage::containing(base), nullptr);
}

TEST(ImageLoader, BindsTheShippedDriverToTheExecutive) {
    const host::DriverImageResult result = host::load_driver_image(image_path());
    EXPECT_TRUE(result.image) << result.error;
}

TEST(ImageLoader, NamesTheFileThatIsNoImage) {
    EXPECT_EQ(host::load_driver_image("/nonexistent.sys").error, "/nonexistent.sys: No such file or directory");
    EXPECT_EQ(host::load_driver_image("/proc/self/exe").error, "/proc/self/exe: no MZ header");
}

}  // namespace
}  // namespace aegis::test
