// Reading a PE file: the image that ships is accepted, and no damage to it leads outside its bytes.

#include "driver/host/image/pe_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "driver/host/image/driver_image.hpp"
#include "image/support.hpp"
#include "support/seed.hpp"

namespace aegis::test {
namespace {

using host::PeParseResult;

std::vector<std::byte> damaged(std::vector<std::byte> file, std::size_t offset, std::uint32_t value) {
    std::memcpy(file.data() + offset, &value, sizeof(value));
    return file;
}

std::uint32_t pe_offset(const std::vector<std::byte>& file) {
    return *host::ByteReader(file).read<std::uint32_t>(0x3C);
}

const void* any_import(std::string_view, std::string_view) {
    return reinterpret_cast<const void*>(&any_import);
}

TEST(PeFile, OfTheShippedDriverIsRead) {
    const std::vector<std::byte> bytes = read_file(image_path());
    const PeParseResult parsed = host::parse_pe_file(bytes);
    ASSERT_TRUE(parsed.file) << parsed.error;
    EXPECT_EQ(parsed.file->preferred_base, 0x140000000U);
    EXPECT_EQ(parsed.file->subsystem, 1) << "native";
    EXPECT_NE(parsed.file->imports.bytes, 0U);
    EXPECT_NE(parsed.file->exceptions.bytes, 0U);
    EXPECT_NE(parsed.file->relocations.bytes, 0U);
    const auto text = std::find_if(parsed.file->sections.begin(), parsed.file->sections.end(),
                                   [](const host::PeSection& section) { return section.name == ".text"; });
    ASSERT_NE(text, parsed.file->sections.end());
    EXPECT_EQ(text->characteristics & (host::kSectionExecutable | host::kSectionWritable), host::kSectionExecutable);
    EXPECT_GE(parsed.file->entry_rva, text->rva);
    EXPECT_LT(parsed.file->entry_rva, text->rva + text->virtual_bytes);
}

TEST(PeFile, ThatIsNoneSaysWhatIsMissing) {
    const std::vector<std::byte> bytes = read_file(image_path());
    const std::uint32_t pe = pe_offset(bytes);
    EXPECT_EQ(host::parse_pe_file({}).error, "no MZ header");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, 0, 0)).error, "no MZ header");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, 0x3C, 0xFFFFFFFF)).error, "no PE header");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, pe, 0)).error, "no PE header");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, pe + 4, 0x0001014C)).error, "not an x86-64 image");
    const std::size_t optional = pe + 24;
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, optional + 16, 0x7FFFFFFF)).error,
              "impossible image size, header size or entry point");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, optional + 56, 4097)).error,
              "impossible image size, header size or entry point");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, optional + 112 + 8, 0x7FFFFFFF)).error,
              "a data directory ends outside the image");
    const std::size_t first_section = optional + *host::ByteReader(bytes).read<std::uint16_t>(pe + 20);
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, first_section + 12, 0x1010)).error,
              "section .text is not page-aligned or overlaps what is before it");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, first_section + 8, 0x7FFFFFFF)).error,
              "section .text ends outside the image");
    EXPECT_EQ(host::parse_pe_file(damaged(bytes, first_section + 20, 0x7FFFFFFF)).error,
              "section .text ends outside the file");
}

// Catches, under AddressSanitizer: any read of the file that is not checked.
TEST(PeFile, CutShortAnywhereIsRefusedOrMapped) {
    const std::vector<std::byte> bytes = read_file(image_path());
    for (std::size_t length = 0; length < bytes.size(); length += length < 2048 ? 1 : 97) {
        // A copy of exactly this length, so that a read beyond it is one beyond its allocation.
        const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        const host::DriverImageResult result = host::DriverImage::map(cut, any_import);
        EXPECT_NE(result.image == nullptr, result.error.empty());
    }
}

TEST(PeFile, DamagedAnywhereIsRefusedOrMapped) {
    const std::vector<std::byte> bytes = read_file(image_path());
    const std::size_t header_bytes = host::parse_pe_file(bytes).file->header_bytes;
    Random random = random_stream(21);
    for (int round = 0; round < 4000; ++round) {
        std::vector<std::byte> file = bytes;
        for (std::uint64_t hits = random.between(1, 4); hits > 0; --hits) {
            // Mostly the headers and the directories, which decide what is read.
            const std::size_t limit = random.one_in(2) ? header_bytes : file.size();
            file[random.below(limit)] = static_cast<std::byte>(random.next());
        }
        const host::DriverImageResult result = host::DriverImage::map(file, any_import);
        EXPECT_NE(result.image == nullptr, result.error.empty());
    }
}

}  // namespace
}  // namespace aegis::test
