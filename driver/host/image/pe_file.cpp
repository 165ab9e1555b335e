#include "driver/host/image/pe_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace aegis::host {
namespace {

constexpr std::uint32_t kPage = 4096;
constexpr std::uint16_t kDosMagic = 0x5A4D;
constexpr std::uint32_t kPeSignature = 0x00004550;
constexpr std::uint16_t kMachineX64 = 0x8664;
constexpr std::uint16_t kPe32PlusMagic = 0x020B;
constexpr std::uint64_t kOffsetOfPeOffset = 0x3C;
constexpr std::uint32_t kMaxImageBytes = 1U << 30U;

struct FileHeader {
    std::uint32_t signature;
    std::uint16_t machine;
    std::uint16_t section_count;
    std::uint32_t timestamp;
    std::uint32_t symbol_table;
    std::uint32_t symbol_count;
    std::uint16_t optional_header_bytes;
    std::uint16_t characteristics;
};
static_assert(sizeof(FileHeader) == 24);

struct OptionalHeader {
    std::uint16_t magic;
    std::uint8_t linker_version[2];
    std::uint32_t code_bytes;
    std::uint32_t initialized_bytes;
    std::uint32_t uninitialized_bytes;
    std::uint32_t entry_rva;
    std::uint32_t code_rva;
    std::uint64_t image_base;
    std::uint32_t section_alignment;
    std::uint32_t file_alignment;
    std::uint16_t versions[6];
    std::uint32_t win32_version;
    std::uint32_t image_bytes;
    std::uint32_t header_bytes;
    std::uint32_t checksum;
    std::uint16_t subsystem;
    std::uint16_t dll_characteristics;
    std::uint64_t stack_and_heap[4];
    std::uint32_t loader_flags;
    std::uint32_t directory_count;
};
static_assert(offsetof(OptionalHeader, image_base) == 24);
static_assert(offsetof(OptionalHeader, image_bytes) == 56);
static_assert(offsetof(OptionalHeader, subsystem) == 68);
static_assert(sizeof(OptionalHeader) == 112);

struct SectionHeader {
    std::array<char, 8> name;
    std::uint32_t virtual_bytes;
    std::uint32_t rva;
    std::uint32_t file_bytes;
    std::uint32_t file_offset;
    std::uint32_t unused[3];
    std::uint32_t characteristics;
};
static_assert(sizeof(SectionHeader) == 40);

constexpr unsigned kImportDirectory = 1;
constexpr unsigned kExceptionDirectory = 3;
constexpr unsigned kRelocationDirectory = 5;

PeParseResult refuse(std::string why) {
    return {std::nullopt, std::move(why)};
}

bool lies_within(std::uint64_t offset, std::uint64_t bytes, std::uint64_t limit) {
    return offset <= limit && bytes <= limit - offset;
}

std::uint64_t whole_pages(std::uint64_t bytes) {
    return (bytes + kPage - 1) / kPage * kPage;
}

PeSection section_of(const SectionHeader& header) {
    PeSection section;
    const auto* end = std::find(header.name.begin(), header.name.end(), '\0');
    section.name.assign(header.name.begin(), end);
    section.rva = header.rva;
    section.virtual_bytes = header.virtual_bytes;
    section.file_offset = header.file_offset;
    section.file_bytes = std::min(header.file_bytes, header.virtual_bytes);
    section.characteristics = header.characteristics;
    return section;
}

// Empty when the section can be mapped.
std::string objection(const PeSection& section, std::uint64_t first_free_rva, std::uint64_t image_bytes,
                      std::uint64_t file_bytes) {
    if (section.rva % kPage != 0 || section.rva < first_free_rva) {
        return "section " + section.name + " is not page-aligned or overlaps what is before it";
    }
    if (!lies_within(section.rva, section.virtual_bytes, image_bytes)) {
        return "section " + section.name + " ends outside the image";
    }
    if (!lies_within(section.file_offset, section.file_bytes, file_bytes)) {
        return "section " + section.name + " ends outside the file";
    }
    return {};
}

}  // namespace

std::optional<std::string_view> ByteReader::read_string(std::uint64_t offset) const {
    if (offset >= bytes_.size()) {
        return std::nullopt;
    }
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + offset;
    const std::string_view rest(begin, bytes_.size() - offset);
    const std::size_t length = rest.find('\0');
    return length == std::string_view::npos ? std::nullopt : std::optional(rest.substr(0, length));
}

PeParseResult parse_pe_file(std::span<const std::byte> bytes) {
    const ByteReader reader(bytes);
    const auto dos_magic = reader.read<std::uint16_t>(0);
    const auto pe_offset = reader.read<std::uint32_t>(kOffsetOfPeOffset);
    if (dos_magic != kDosMagic || !pe_offset) {
        return refuse("no MZ header");
    }
    const auto file_header = reader.read<FileHeader>(*pe_offset);
    if (!file_header || file_header->signature != kPeSignature) {
        return refuse("no PE header");
    }
    const std::uint64_t optional_offset = std::uint64_t{*pe_offset} + sizeof(FileHeader);
    const auto optional = reader.read<OptionalHeader>(optional_offset);
    if (file_header->machine != kMachineX64 || !optional || optional->magic != kPe32PlusMagic ||
        file_header->optional_header_bytes < sizeof(OptionalHeader)) {
        return refuse("not an x86-64 image");
    }
    if (optional->image_bytes % kPage != 0 || optional->image_bytes > kMaxImageBytes ||
        !lies_within(0, optional->header_bytes, std::min<std::uint64_t>(optional->image_bytes, bytes.size())) ||
        optional->entry_rva >= optional->image_bytes) {
        return refuse("impossible image size, header size or entry point");
    }

    PeFile file;
    file.preferred_base = optional->image_base;
    file.entry_rva = optional->entry_rva;
    file.image_bytes = optional->image_bytes;
    file.header_bytes = optional->header_bytes;
    file.subsystem = optional->subsystem;
    file.dll_characteristics = optional->dll_characteristics;

    const std::uint64_t directories_offset = optional_offset + sizeof(OptionalHeader);
    struct {
        unsigned index;
        PeDirectory* directory;
    } const wanted[] = {{kImportDirectory, &file.imports},
                        {kExceptionDirectory, &file.exceptions},
                        {kRelocationDirectory, &file.relocations}};
    for (const auto& [index, directory] : wanted) {
        if (index >= optional->directory_count) {
            continue;
        }
        const auto found = reader.read<PeDirectory>(directories_offset + index * sizeof(PeDirectory));
        if (!found || !lies_within(found->rva, found->bytes, file.image_bytes)) {
            return refuse("a data directory ends outside the image");
        }
        *directory = *found;
    }

    const std::uint64_t sections_offset = optional_offset + file_header->optional_header_bytes;
    std::uint64_t first_free_rva = whole_pages(file.header_bytes);
    for (unsigned i = 0; i < file_header->section_count; ++i) {
        const auto header = reader.read<SectionHeader>(sections_offset + i * sizeof(SectionHeader));
        if (!header) {
            return refuse("the section table ends outside the file");
        }
        PeSection section = section_of(*header);
        std::string error = objection(section, first_free_rva, file.image_bytes, bytes.size());
        if (!error.empty()) {
            return refuse(std::move(error));
        }
        first_free_rva = section.rva + whole_pages(section.virtual_bytes);
        file.sections.push_back(std::move(section));
    }
    return {std::move(file), {}};
}

}  // namespace aegis::host
