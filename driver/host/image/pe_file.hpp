// A PE32+ file as bytes: what a loader needs of it, every offset checked before it is used.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::host {

// Section.characteristics
inline constexpr std::uint32_t kSectionExecutable = 0x20000000;
inline constexpr std::uint32_t kSectionWritable = 0x80000000;

struct PeSection {
    std::string name;
    std::uint32_t rva = 0;
    std::uint32_t virtual_bytes = 0;  // beyond file_bytes: zero
    std::uint32_t file_offset = 0;
    std::uint32_t file_bytes = 0;
    std::uint32_t characteristics = 0;
};

struct PeDirectory {
    std::uint32_t rva = 0;
    std::uint32_t bytes = 0;  // 0: absent
};

struct PeFile {
    std::uint64_t preferred_base = 0;
    std::uint32_t entry_rva = 0;
    std::uint32_t image_bytes = 0;   // whole pages
    std::uint32_t header_bytes = 0;  // mapped at RVA 0
    std::uint16_t subsystem = 0;
    std::uint16_t dll_characteristics = 0;
    PeDirectory imports;
    PeDirectory exceptions;
    PeDirectory relocations;
    std::vector<PeSection> sections;
};

struct PeParseResult {
    std::optional<PeFile> file;
    std::string error;  // why there is none
};

// Accepts x86-64 executables whose sections are page-aligned, lie inside the image and the file and do not overlap.
PeParseResult parse_pe_file(std::span<const std::byte> bytes);

// Reads structures and strings from bytes that nobody has checked, a file or a mapped image.
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    // Nothing when it would end behind the last byte.
    template <class T>
    std::optional<T> read(std::uint64_t offset) const {
        if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) {
            return std::nullopt;
        }
        T value;
        std::memcpy(&value, bytes_.data() + offset, sizeof(T));
        return value;
    }

    // The bytes before the next NUL; nothing when there is none.
    std::optional<std::string_view> read_string(std::uint64_t offset) const;

  private:
    std::span<const std::byte> bytes_;
};

}  // namespace aegis::host
