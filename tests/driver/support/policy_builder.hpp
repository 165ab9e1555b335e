// A policy's blob, laid out from include/aegis/policy.h alone; what a test then does to it is up to the test.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aegis/policy.h"

namespace aegis::test {

class PolicyBuilder {
  public:
    // Without this a type is as without a policy.
    PolicyBuilder& type(std::uint16_t type, AEGIS_POLICY_TYPE rules) {
        header_.Types[type] = rules;
        return *this;
    }

    PolicyBuilder& path(std::u16string_view path, std::uint8_t action,
                        std::uint32_t types = 1U << AEGIS_EVENT_PROCESS_CREATE) {
        paths_.push_back({types, static_cast<std::uint16_t>(path.size()), action, 0});
        path_text_ += path;
        return *this;
    }

    PolicyBuilder& image(std::u16string_view path) {
        images_.push_back({0, static_cast<std::uint16_t>(path.size()), AEGIS_POLICY_DROP, 0});
        image_text_ += path;
        return *this;
    }

    PolicyBuilder& allow(std::u16string_view path) {
        images_.push_back({0, static_cast<std::uint16_t>(path.size()), AEGIS_POLICY_ALLOW, 0});
        image_text_ += path;
        return *this;
    }

    PolicyBuilder& handles(std::uint8_t object_type, std::uint32_t access) {
        masks_.push_back({access, object_type, {}});
        return *this;
    }

    PolicyBuilder& protect(std::uint32_t process_id, std::uint64_t key) {
        processes_.push_back({key, process_id, 0});
        return *this;
    }

    // Without its dot.
    PolicyBuilder& extension(std::u16string_view extension, std::uint8_t action,
                             std::uint32_t types = 1U << AEGIS_EVENT_PROCESS_CREATE) {
        extensions_.push_back({types, static_cast<std::uint16_t>(extension.size()), action, 0});
        extension_text_ += extension;
        return *this;
    }

    std::vector<std::byte> blob() const {
        AEGIS_POLICY_HEADER header = header_;
        header.Magic = AEGIS_POLICY_MAGIC;
        header.Version = AEGIS_POLICY_VERSION;
        std::uint32_t end = sizeof(header);
        const auto section = [&](unsigned index, std::size_t count, std::size_t entry) {
            header.Sections[index] = {end, static_cast<std::uint32_t>(count)};
            end += static_cast<std::uint32_t>(count * entry);
        };
        section(AEGIS_POLICY_PATHS, paths_.size(), sizeof(AEGIS_POLICY_RULE));
        section(AEGIS_POLICY_IMAGES, images_.size(), sizeof(AEGIS_POLICY_RULE));
        section(AEGIS_POLICY_EXTENSIONS, extensions_.size(), sizeof(AEGIS_POLICY_RULE));
        section(AEGIS_POLICY_HANDLE_MASKS, masks_.size(), sizeof(AEGIS_POLICY_HANDLES));
        section(AEGIS_POLICY_PROTECTED, processes_.size(), sizeof(AEGIS_POLICY_PROCESS));
        const std::u16string text = path_text_ + image_text_ + extension_text_;
        section(AEGIS_POLICY_TEXT, text.size(), sizeof(char16_t));
        header.Bytes = end;

        std::vector<std::byte> blob(end);
        std::size_t at = 0;
        const auto append = [&](const void* from, std::size_t bytes) {
            std::copy_n(static_cast<const std::byte*>(from), bytes, blob.data() + at);
            at += bytes;
        };
        append(&header, sizeof(header));
        append(paths_.data(), paths_.size() * sizeof(AEGIS_POLICY_RULE));
        append(images_.data(), images_.size() * sizeof(AEGIS_POLICY_RULE));
        append(extensions_.data(), extensions_.size() * sizeof(AEGIS_POLICY_RULE));
        append(masks_.data(), masks_.size() * sizeof(AEGIS_POLICY_HANDLES));
        append(processes_.data(), processes_.size() * sizeof(AEGIS_POLICY_PROCESS));
        append(text.data(), text.size() * sizeof(char16_t));
        return blob;
    }

  private:
    AEGIS_POLICY_HEADER header_{};
    std::vector<AEGIS_POLICY_RULE> paths_;
    std::vector<AEGIS_POLICY_RULE> images_;
    std::vector<AEGIS_POLICY_RULE> extensions_;
    std::vector<AEGIS_POLICY_HANDLES> masks_;
    std::vector<AEGIS_POLICY_PROCESS> processes_;
    std::u16string path_text_;
    std::u16string image_text_;
    std::u16string extension_text_;
};

inline constexpr AEGIS_POLICY_TYPE kReportAll{AEGIS_POLICY_OPERATION_ANY, 0, 0, 0, AEGIS_POLICY_REPORT, {}};
inline constexpr AEGIS_POLICY_TYPE kDropByDefault{AEGIS_POLICY_OPERATION_ANY, 0, 0, 0, AEGIS_POLICY_DROP, {}};
inline constexpr AEGIS_POLICY_TYPE kOff{0, 0, 0, 0, AEGIS_POLICY_DROP, {}};

}  // namespace aegis::test
