// A policy's blob, one byte of it wrong: the status says which, and a right one is taken.

#include "policy/policy_blob.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

using Blob = std::vector<std::byte>;

// Two paths, two images, two extensions, limits and a merge window: something in every section that may have something.
Blob valid_blob() {
    return PolicyBuilder()
        .type(AEGIS_EVENT_PROCESS_CREATE, {AEGIS_POLICY_OPERATION_ANY,
                                           AEGIS_POLICY_TOKENS_MAX,
                                           AEGIS_POLICY_TOKENS_MAX,
                                           AEGIS_POLICY_MERGE_MS_MAX,
                                           AEGIS_POLICY_REPORT,
                                           {}})
        .type(AEGIS_EVENT_PROCESS_EXIT, {0, 1, 1, 0, AEGIS_POLICY_DROP, {}})
        .path(u"\\a\\b", AEGIS_POLICY_REFUSE)
        .path(u"/c", AEGIS_POLICY_REPORT)
        .image(u"\\i")
        .image(u"\\j\\" + std::u16string(AEGIS_POLICY_PATH_UNITS_MAX - 3, u'j'))
        .extension(u"e", AEGIS_POLICY_DROP)
        .extension(std::u16string(AEGIS_POLICY_EXTENSION_UNITS_MAX, u'f'), AEGIS_POLICY_REPORT)
        .handles(AEGIS_HANDLE_PROCESS, 1)
        .handles(AEGIS_HANDLE_THREAD, 0xFFFFFFFF)
        .protect(1, 1)
        .protect(1, 0xFFFFFFFFFFFFFFFF)
        .blob();
}

NTSTATUS parse(const Blob& blob) {
    // Memory that ends with the blob, aligned as a request's buffer is.
    std::vector<std::uint64_t> copy((blob.size() + 7) / 8);
    std::ranges::copy(blob, reinterpret_cast<std::byte*>(copy.data()));
    driver::PolicyBlob parsed;
    return driver::parse_policy(copy.data(), blob.size(), &parsed);
}

struct Fault {
    std::string what;
    NTSTATUS status;
    std::function<void(Blob&)> make;
};

template <class Field>
void store(Blob& blob, std::size_t offset, Field value) {
    ASSERT_LE(offset + sizeof(value), blob.size());
    std::memcpy(blob.data() + offset, &value, sizeof(value));
}

template <class Field>
Field load(const Blob& blob, std::size_t offset) {
    Field value;
    std::memcpy(&value, blob.data() + offset, sizeof(value));
    return value;
}

template <class Field>
Fault field(std::string what, NTSTATUS status, std::size_t offset, Field value) {
    return {std::move(what), status, [offset, value](Blob& blob) { store(blob, offset, value); }};
}

constexpr std::size_t type_at(std::uint16_t type) {
    return offsetof(AEGIS_POLICY_HEADER, Types) + type * sizeof(AEGIS_POLICY_TYPE);
}

constexpr std::size_t section_at(unsigned section) {
    return offsetof(AEGIS_POLICY_HEADER, Sections) + section * sizeof(AEGIS_POLICY_SECTION);
}

constexpr std::size_t kPath = sizeof(AEGIS_POLICY_HEADER);
constexpr std::size_t kImage = kPath + 2 * sizeof(AEGIS_POLICY_RULE);
constexpr std::size_t kExtension = kImage + 2 * sizeof(AEGIS_POLICY_RULE);
constexpr std::size_t kMask = kExtension + 2 * sizeof(AEGIS_POLICY_RULE);
constexpr std::size_t kProtected = kMask + 2 * sizeof(AEGIS_POLICY_HANDLES);
constexpr std::size_t kText = kProtected + 2 * sizeof(AEGIS_POLICY_PROCESS);
constexpr std::size_t kExtensionText = 4 + 2 + 2 + AEGIS_POLICY_PATH_UNITS_MAX;  // units
constexpr std::size_t kCreate = type_at(AEGIS_EVENT_PROCESS_CREATE);
constexpr std::size_t kExit = type_at(AEGIS_EVENT_PROCESS_EXIT);

std::vector<Fault> faults_of_header() {
    std::vector<Fault> faults{
        field<std::uint32_t>("magic", STATUS_INVALID_SIGNATURE, 0, AEGIS_POLICY_MAGIC ^ 0x80000000),
        field<std::uint32_t>("version 0", STATUS_UNKNOWN_REVISION, 4, 0),
        field<std::uint32_t>("version 2", STATUS_UNKNOWN_REVISION, 4, 2),
        field<std::uint32_t>("version beyond 16 bits", STATUS_UNKNOWN_REVISION, 4, 0x10001),
        field<std::uint32_t>("reserved", STATUS_INVALID_PARAMETER, 12, 0x80000000),
        {"bytes, one too few", STATUS_INVALID_BUFFER_SIZE,
         [](Blob& blob) { store(blob, 8, static_cast<std::uint32_t>(blob.size() - 1)); }},
        {"bytes, one too many", STATUS_INVALID_BUFFER_SIZE,
         [](Blob& blob) { store(blob, 8, static_cast<std::uint32_t>(blob.size() + 1)); }},
        {"a byte behind the end", STATUS_DATA_OVERRUN,
         [](Blob& blob) {
             blob.push_back(std::byte{});
             store(blob, 8, static_cast<std::uint32_t>(blob.size()));
         }},
        {"cut to less than the header", STATUS_INFO_LENGTH_MISMATCH,
         [](Blob& blob) { blob.resize(sizeof(AEGIS_POLICY_HEADER) - 1); }},
        {"empty", STATUS_INFO_LENGTH_MISMATCH, [](Blob& blob) { blob.clear(); }},
        {"longer than any", STATUS_INVALID_BUFFER_SIZE,
         [](Blob& blob) {
             blob.resize(AEGIS_POLICY_BYTES_MAX + 1);
             store(blob, 8, static_cast<std::uint32_t>(blob.size()));
         }},
    };
    for (unsigned i = 0; i < AEGIS_POLICY_SECTIONS; ++i) {
        const std::string name = fmt::format("section {}", i);
        for (const int distance : {-8, -1, 1, 8}) {
            faults.push_back({name + " elsewhere", STATUS_ARRAY_BOUNDS_EXCEEDED, [i, distance](Blob& blob) {
                                  store(blob, section_at(i), load<std::uint32_t>(blob, section_at(i)) + distance);
                              }});
        }
        faults.push_back(field<std::uint32_t>(name + " of too many", STATUS_QUOTA_EXCEEDED, section_at(i) + 4,
                                              std::vector<std::uint32_t>{1025, 257, 65, 33, 65, 65537}[i]));
        faults.push_back(
            field<std::uint32_t>(name + " of 2^32 - 1", STATUS_QUOTA_EXCEEDED, section_at(i) + 4, 0xFFFFFFFF));
    }
    faults.push_back(field<std::uint32_t>("texts beyond the end", STATUS_ARRAY_BOUNDS_EXCEEDED,
                                          section_at(AEGIS_POLICY_TEXT) + 4, 65536));
    return faults;
}

std::vector<Fault> faults_of_types() {
    std::vector<Fault> faults{
        field<std::uint32_t>("an operation that is none", STATUS_INVALID_PARAMETER, kCreate, 2),
        field<std::uint32_t>("the highest operation", STATUS_INVALID_PARAMETER, kCreate, 0x80000001),
        field<std::uint32_t>("tokens", STATUS_INTEGER_OVERFLOW, kCreate + 4, AEGIS_POLICY_TOKENS_MAX + 1),
        field<std::uint32_t>("burst", STATUS_INTEGER_OVERFLOW, kCreate + 8, AEGIS_POLICY_TOKENS_MAX + 1),
        field<std::uint32_t>("merge", STATUS_INTEGER_OVERFLOW, kCreate + 12, AEGIS_POLICY_MERGE_MS_MAX + 1),
        field<std::uint32_t>("burst without tokens", STATUS_INVALID_PARAMETER_MIX, kExit + 4, 0),
        field<std::uint32_t>("tokens without burst", STATUS_INVALID_PARAMETER_MIX, kExit + 8, 0),
        field<std::uint32_t>("ends that merge", STATUS_NOT_SUPPORTED, kExit + 12, 1),
        field<std::uint8_t>("no default", STATUS_INVALID_PARAMETER_MIX, kCreate + 16, 0),
        field<std::uint8_t>("default refuse", STATUS_INVALID_VARIANT, kCreate + 16, AEGIS_POLICY_REFUSE),
        field<std::uint8_t>("default 255", STATUS_INVALID_VARIANT, kCreate + 16, 255),
    };
    for (std::size_t i = 0; i < sizeof(AEGIS_POLICY_TYPE::Reserved); ++i) {
        faults.push_back(
            field<std::uint8_t>(fmt::format("reserved byte {}", i), STATUS_INVALID_PARAMETER, kCreate + 17 + i, 1));
        faults.push_back(field<std::uint8_t>("reserved byte of a type without a sensor", STATUS_INVALID_PARAMETER,
                                             type_at(15) + 17 + i, 1));
    }
    for (std::uint16_t type = 0; type < AEGIS_POLICY_TYPES; ++type) {
        if ((driver::kTypesWithSensor >> type & 1) != 0) {
            continue;
        }
        const std::string name = fmt::format("type {} without a sensor, ", type);
        for (const std::size_t offset : {0, 4, 8, 12}) {
            faults.push_back(field<std::uint32_t>(fmt::format("{} field {}", name, offset), STATUS_NOT_SUPPORTED,
                                                  type_at(type) + offset, 1));
        }
        faults.push_back(field<std::uint8_t>(name + "default", STATUS_NOT_SUPPORTED, type_at(type) + 16, 1));
    }
    return faults;
}

std::vector<Fault> faults_of_handles() {
    std::vector<Fault> faults{
        field<std::uint32_t>("a mask of no right", STATUS_INVALID_PARAMETER, kMask, 0),
        field<std::uint8_t>("a mask of no object", STATUS_INVALID_VARIANT, kMask + 4, 0),
        field<std::uint8_t>("a mask of another object", STATUS_INVALID_VARIANT, kMask + 4, 3),
        field<std::uint8_t>("the last mask's object", STATUS_INVALID_VARIANT, kMask + 8 + 4, 255),
        field<std::uint64_t>("a process without a key", STATUS_INVALID_PARAMETER, kProtected, 0),
        field<std::uint32_t>("a process without a number", STATUS_INVALID_PARAMETER, kProtected + 8, 0),
        field<std::uint32_t>("a process's reserved field", STATUS_INVALID_PARAMETER, kProtected + 12, 0x80000000),
        field<std::uint32_t>("the last process's number", STATUS_INVALID_PARAMETER, kProtected + 16 + 8, 0),
        field<std::uint64_t>("one process twice", STATUS_OBJECT_NAME_COLLISION, kProtected + 16, 1),
    };
    for (std::size_t i = 0; i < sizeof(AEGIS_POLICY_HANDLES::Reserved); ++i) {
        faults.push_back(field<std::uint8_t>("a mask's reserved byte", STATUS_INVALID_PARAMETER, kMask + 5 + i, 1));
    }
    return faults;
}

std::vector<Fault> faults_of_rules() {
    const auto text = [](std::size_t unit, char16_t value) {
        return [=](Blob& blob) { store(blob, kText + 2 * unit, value); };
    };
    std::vector<Fault> faults{
        field<std::uint32_t>("a path of no type", STATUS_INVALID_PARAMETER, kPath, 0),
        field<std::uint32_t>("a path of type 16", STATUS_INVALID_PARAMETER, kPath, 0x10002),
        field<std::uint32_t>("a path of type 31", STATUS_INVALID_PARAMETER, kPath, 0x80000002),
        field<std::uint32_t>("a path of ends", STATUS_NOT_SUPPORTED, kPath, 1U << AEGIS_EVENT_PROCESS_EXIT),
        field<std::uint32_t>("a path of files", STATUS_NOT_SUPPORTED, kPath, 1U << AEGIS_EVENT_FILE_OP | 2),
        field<std::uint32_t>("an image load that is refused", STATUS_NOT_SUPPORTED, kPath,
                             1U << AEGIS_EVENT_IMAGE_LOAD),
        field<std::uint8_t>("a path's action 0", STATUS_INVALID_VARIANT, kPath + 6, 0),
        field<std::uint8_t>("a path's action 4", STATUS_INVALID_VARIANT, kPath + 6, 4),
        field<std::uint8_t>("a path's reserved byte", STATUS_INVALID_PARAMETER, kPath + 7, 1),
        field<std::uint32_t>("an image of a type", STATUS_INVALID_PARAMETER, kImage, 2),
        field<std::uint8_t>("an image that reports", STATUS_INVALID_VARIANT, kImage + 6, AEGIS_POLICY_REPORT),
        field<std::uint8_t>("an image that is refused", STATUS_INVALID_VARIANT, kImage + 6, AEGIS_POLICY_REFUSE),
        field<std::uint8_t>("an image's reserved byte", STATUS_INVALID_PARAMETER, kImage + 8 + 7, 1),
        field<std::uint16_t>("an empty path", STATUS_OBJECT_PATH_SYNTAX_BAD, kPath + 4, 0),
        field<std::uint16_t>("a path that is too long", STATUS_NAME_TOO_LONG, kPath + 4,
                             AEGIS_POLICY_PATH_UNITS_MAX + 1),
        field<std::uint16_t>("an image that is too long", STATUS_NAME_TOO_LONG, kImage + 12,
                             AEGIS_POLICY_PATH_UNITS_MAX + 1),
        field<std::uint32_t>("an extension of no type", STATUS_INVALID_PARAMETER, kExtension, 0),
        field<std::uint32_t>("an extension of type 16", STATUS_INVALID_PARAMETER, kExtension, 0x10002),
        field<std::uint32_t>("an extension of ends", STATUS_NOT_SUPPORTED, kExtension, 1U << AEGIS_EVENT_PROCESS_EXIT),
        field<std::uint8_t>("an extension's action 0", STATUS_INVALID_VARIANT, kExtension + 6, 0),
        field<std::uint8_t>("an extension that is refused", STATUS_INVALID_VARIANT, kExtension + 6,
                            AEGIS_POLICY_REFUSE),
        field<std::uint8_t>("an extension's reserved byte", STATUS_INVALID_PARAMETER, kExtension + 7, 1),
        field<std::uint16_t>("an empty extension", STATUS_OBJECT_NAME_INVALID, kExtension + 4, 0),
        field<std::uint16_t>("an extension that is too long", STATUS_NAME_TOO_LONG, kExtension + 12,
                             AEGIS_POLICY_EXTENSION_UNITS_MAX + 1),
        field<std::uint16_t>("texts with a unit left", STATUS_DATA_OVERRUN, kExtension + 12,
                             AEGIS_POLICY_EXTENSION_UNITS_MAX - 1),
        {"texts with a unit too few", STATUS_END_OF_FILE,
         [](Blob& blob) {
             blob.resize(blob.size() - 2);
             store(blob, 8, static_cast<std::uint32_t>(blob.size()));
             const std::size_t count = section_at(AEGIS_POLICY_TEXT) + 4;
             store(blob, count, load<std::uint32_t>(blob, count) - 1);
         }},
        {"a path that does not begin with a separator", STATUS_OBJECT_PATH_SYNTAX_BAD, text(0, u'x')},
        {"a path that ends with a separator", STATUS_OBJECT_PATH_SYNTAX_BAD, text(3, u'/')},
        {"two separators in a row", STATUS_OBJECT_PATH_SYNTAX_BAD, text(1, u'/')},
        {"a unit 0", STATUS_OBJECT_PATH_SYNTAX_BAD, text(1, u'\0')},
        {"a unit 0 at the end", STATUS_OBJECT_PATH_SYNTAX_BAD, text(3, u'\0')},
        {"an image that ends with a separator", STATUS_OBJECT_PATH_SYNTAX_BAD, text(7, u'\\')},
        {"an extension with a dot", STATUS_OBJECT_NAME_INVALID, text(kExtensionText, u'.')},
        {"an extension with a separator at its end", STATUS_OBJECT_NAME_INVALID,
         text(kExtensionText + AEGIS_POLICY_EXTENSION_UNITS_MAX, u'/')},
        {"an extension with a unit 0", STATUS_OBJECT_NAME_INVALID, text(kExtensionText + 1, u'\0')},
    };
    return faults;
}

std::vector<Fault> all_faults() {
    std::vector<Fault> all;
    for (const auto& some : {faults_of_header(), faults_of_types(), faults_of_rules(), faults_of_handles()}) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

TEST(PolicyBlob, AValidOneIsTaken) {
    EXPECT_EQ(parse(valid_blob()), STATUS_SUCCESS);
    EXPECT_EQ(parse(PolicyBuilder().blob()), STATUS_SUCCESS) << "says nothing";
}

TEST(PolicyBlob, EverySectionMayBeFull) {
    PolicyBuilder builder;
    for (unsigned i = 0; i < AEGIS_POLICY_PATHS_MAX; ++i) {
        builder.path(u"\\p" + std::u16string(1, static_cast<char16_t>(0x4E00 + i)), AEGIS_POLICY_DROP);
    }
    for (unsigned i = 0; i < AEGIS_POLICY_IMAGES_MAX; ++i) {
        builder.image(u"\\i" + std::u16string(1, static_cast<char16_t>(0x4E00 + i)));
    }
    for (unsigned i = 0; i < AEGIS_POLICY_EXTENSIONS_MAX; ++i) {
        builder.extension(std::u16string(1, static_cast<char16_t>(0x4E00 + i)), AEGIS_POLICY_DROP);
    }
    for (unsigned i = 0; i < AEGIS_POLICY_HANDLE_MASKS_MAX; ++i) {
        builder.handles(AEGIS_HANDLE_PROCESS, 1U << i);
    }
    for (unsigned i = 0; i < AEGIS_POLICY_PROTECTED_MAX; ++i) {
        builder.protect(1 + i, 1 + i);
    }
    EXPECT_EQ(parse(builder.blob()), STATUS_SUCCESS);
}

TEST(PolicyBlob, TheLargestIsTaken) {
    const auto path_of = [](std::size_t units) {
        std::u16string path(units, u'x');
        path.front() = u'/';
        return path;
    };
    PolicyBuilder builder;
    while (builder.blob().size() + sizeof(AEGIS_POLICY_RULE) + 2 * 400 + 16 <= AEGIS_POLICY_BYTES_MAX) {
        builder.image(path_of(400));
    }
    const std::size_t left = AEGIS_POLICY_BYTES_MAX - builder.blob().size() - sizeof(AEGIS_POLICY_RULE);
    builder.image(path_of(left / 2));
    ASSERT_EQ(builder.blob().size(), AEGIS_POLICY_BYTES_MAX);
    EXPECT_EQ(parse(builder.blob()), STATUS_SUCCESS);
}

// Catches: a check left out, or with its boundary elsewhere; the status of another.
TEST(PolicyBlob, EachFaultHasItsStatus) {
    for (const Fault& fault : all_faults()) {
        Blob blob = valid_blob();
        fault.make(blob);
        EXPECT_EQ(parse(blob), fault.status) << fault.what << std::hex << ": got " << parse(blob);
    }
}

// Whatever byte is changed to whatever, the blob is refused or it is another valid one: never read beyond its end.
TEST(PolicyBlob, EveryByteIsLookedAt) {
    const Blob valid = valid_blob();
    for (std::size_t at = 0; at < valid.size(); ++at) {
        for (const int change : {0x01, 0x80, 0xFF}) {
            Blob blob = valid;
            blob[at] ^= static_cast<std::byte>(change);
            // A path's letter may be another one, a number another that is in its limits, and so on; the header's fixed
            // fields and everything reserved may not.
            const bool fixed = at < kCreate;
            EXPECT_TRUE(!fixed || parse(blob) != STATUS_SUCCESS) << at;
        }
    }
}

}  // namespace
}  // namespace aegis::test
