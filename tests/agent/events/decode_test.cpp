// Every shape of event the decoder takes, and every shape it refuses.

#include "agent/events/decode.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "support/event_bytes.hpp"

namespace aegis {
namespace {

using agent::DecodeError;
using test::compact_payload;
using test::cut_payload;
using test::event_bytes;

constexpr std::int64_t kTimestamp = 133590404961234567;
constexpr std::uint32_t kSequence = 9;

std::vector<std::byte> create(const std::vector<std::byte>& payload) {
    return event_bytes(AEGIS_EVENT_PROCESS_CREATE, kTimestamp, kSequence, payload);
}

const test::Start kStart = {.pid = 812, .parent = 640, .creator = 641, .path = u"\\Device\\a.exe", .exact = true};

void set_path_length(std::vector<std::byte>& payload, std::uint16_t units) {
    std::memcpy(payload.data() + offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathLength), &units, sizeof(units));
}

void set_size(std::vector<std::byte>& event, std::uint16_t size) {
    std::memcpy(event.data(), &size, sizeof(size));
}

// Catches: decode_process reading a field from another one's place; exact, or the path, not taken over.
TEST(Decode, CompactStartHasAllFields) {
    agent::Event event;
    ASSERT_EQ(decode(create(compact_payload(kStart)), event), DecodeError::kNone);
    EXPECT_EQ(event.header.Type, AEGIS_EVENT_PROCESS_CREATE);
    EXPECT_EQ(event.header.Sequence, kSequence);
    EXPECT_EQ(event.header.Timestamp, kTimestamp);
    EXPECT_EQ(event.process_id, 812U);
    EXPECT_EQ(event.parent_process_id, 640U);
    EXPECT_EQ(event.creating_process_id, 641U);
    EXPECT_TRUE(event.path_exact);
    EXPECT_EQ(event.path(), u"\\Device\\a.exe");
}

// Catches: a thread event that is not taken apart, or taken for a process's.
TEST(Decode, AThreadHasAllFields) {
    for (const std::uint16_t type :
         {std::uint16_t{AEGIS_EVENT_THREAD_CREATE}, std::uint16_t{AEGIS_EVENT_THREAD_EXIT}}) {
        AEGIS_THREAD_PAYLOAD thread = test::remote_thread();
        thread.ExitStatus = -7;
        // Bits that a later release may give a meaning.
        thread.Flags |= 0xFFFF0000U;
        agent::Event event;
        ASSERT_EQ(decode(event_bytes(type, kTimestamp, kSequence, test::thread_payload(thread)), event),
                  DecodeError::kNone);
        EXPECT_EQ(event.header.Type, type);
        EXPECT_EQ(event.process_id, 812U);
        EXPECT_EQ(std::memcmp(&event.thread, &thread, sizeof(thread)), 0);
    }
}

// Catches: reading past the payload's end; a later release's longer payload refused.
TEST(Decode, AThreadNeedsItsWholePayload) {
    agent::Event event;
    std::vector<std::byte> payload = test::thread_payload(test::remote_thread());
    for (std::size_t bytes = 0; bytes < payload.size(); ++bytes) {
        const std::vector<std::byte> cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(bytes));
        EXPECT_EQ(decode(event_bytes(AEGIS_EVENT_THREAD_CREATE, kTimestamp, kSequence, cut), event),
                  DecodeError::kPayloadTooShort)
            << bytes;
        EXPECT_EQ(decode(event_bytes(AEGIS_EVENT_THREAD_EXIT, kTimestamp, kSequence, cut), event),
                  DecodeError::kPayloadTooShort);
    }
    payload.resize(payload.size() + 8);
    EXPECT_EQ(decode(event_bytes(AEGIS_EVENT_THREAD_CREATE, kTimestamp, kSequence, payload), event),
              DecodeError::kNone);
    EXPECT_EQ(event.thread.ThreadId, 816U);
}

// Catches: an image that is not taken apart; a field read from another one's place; a form that is not understood.
TEST(Decode, AnImageHasAllFields) {
    AEGIS_IMAGE_PAYLOAD image = test::loaded_image();
    // Bits that a later release may give a meaning.
    image.Flags |= 0xE0;
    std::vector<std::byte> payload = test::image_payload(image);
    for (const std::size_t bytes : {payload.size(), sizeof(image)}) {
        payload.resize(bytes);
        agent::Event event;
        ASSERT_EQ(decode(event_bytes(AEGIS_EVENT_IMAGE_LOAD, kTimestamp, kSequence, payload), event),
                  DecodeError::kNone);
        EXPECT_EQ(event.process_id, 812U);
        EXPECT_EQ(std::memcmp(&event.image, &image, AEGIS_IMAGE_PAYLOAD_FIXED), 0);
        EXPECT_EQ(event.path(), u"\\Device\\HarddiskVolume3\\ntdll.dll");
        EXPECT_EQ(event.path_full_length, event.path_length);
        EXPECT_FALSE(event.path_cut());
        EXPECT_TRUE(event.path_exact);
        EXPECT_FALSE(event.path_partial);
    }
}

// Catches: a cut that is not seen, or sought in another place; a path that Windows gave taken for a guess once it is
// cut.
TEST(Decode, AnImageWhosePathWasCutSaysSo) {
    agent::Event event;
    AEGIS_IMAGE_PAYLOAD image = test::cut_image(u"\\x.dll", 700);
    ASSERT_EQ(decode(event_bytes(AEGIS_EVENT_IMAGE_LOAD, kTimestamp, kSequence, test::image_payload(image)), event),
              DecodeError::kNone);
    EXPECT_TRUE(event.path_cut());
    EXPECT_EQ(event.path_tail, 131U);
    EXPECT_EQ(event.path_full_length, 700U);
    EXPECT_FALSE(event.path_exact);
    EXPECT_FALSE(event.path_partial);
    image.Flags = 0;
    ASSERT_EQ(decode(event_bytes(AEGIS_EVENT_IMAGE_LOAD, kTimestamp, kSequence, test::image_payload(image)), event),
              DecodeError::kNone);
    EXPECT_TRUE(event.path_partial);
}

// Catches: a length that is believed.
TEST(Decode, AnImageThatContradictsItselfIsRefused) {
    agent::Event event;
    const auto decoded = [&](const std::vector<std::byte>& payload) {
        return decode(event_bytes(AEGIS_EVENT_IMAGE_LOAD, kTimestamp, kSequence, payload), event);
    };
    std::vector<std::byte> payload = test::image_payload(test::loaded_image());
    for (std::size_t bytes = 0; bytes < AEGIS_IMAGE_PAYLOAD_FIXED; ++bytes) {
        const std::vector<std::byte> cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(bytes));
        EXPECT_EQ(decoded(cut), DecodeError::kPayloadTooShort) << bytes;
    }
    payload.pop_back();
    EXPECT_EQ(decoded(payload), DecodeError::kPathBeyondPayload);
    AEGIS_IMAGE_PAYLOAD image = test::loaded_image();
    --image.PathFullLength;
    EXPECT_EQ(decoded(test::image_payload(image)), DecodeError::kCutBeyondPath);
    image = test::loaded_image();
    ++image.PathFullLength;
    EXPECT_EQ(decoded(test::image_payload(image)), DecodeError::kCutBeyondPath);
    image = test::cut_image(u"\\x.dll", 700);
    payload = test::image_payload(image);
    ++image.PathLength;
    std::memcpy(payload.data(), &image, AEGIS_IMAGE_PAYLOAD_FIXED);
    payload.resize(payload.size() + sizeof(char16_t));
    EXPECT_EQ(decoded(payload), DecodeError::kPathTooLong);
}

// Catches: a decoder that wants one of the two forms, or that takes the zero tail for path.
TEST(Decode, FullFormMeansTheSameAsCompactForm) {
    agent::Event compact;
    agent::Event full;
    ASSERT_EQ(decode(create(compact_payload(kStart)), compact), DecodeError::kNone);
    ASSERT_EQ(decode(create(full_payload(kStart)), full), DecodeError::kNone);
    EXPECT_EQ(full.header.Size, AEGIS_PROCESS_EVENT_SIZE);
    EXPECT_EQ(full.path(), compact.path());
    EXPECT_EQ(full.creating_process_id, compact.creating_process_id);
}

TEST(Decode, LongestPathIsTaken) {
    const std::u16string path(AEGIS_MAX_PATH_REPORTED, u'x');
    agent::Event event;
    ASSERT_EQ(decode(create(compact_payload({.path = path})), event), DecodeError::kNone);
    EXPECT_EQ(event.path(), path);
}

constexpr std::u16string_view kCutPath = u"\\Device\\aaa...zzz\\evil.exe";
constexpr std::uint16_t kCutHead = 11;

// Catches: a field of the cut read from another one's place; a cut path called exact, or partial without reason.
TEST(Decode, ACutPathTellsItsPartsAndItsLength) {
    agent::Event event;
    ASSERT_EQ(decode(create(cut_payload({.path = kCutPath}, kCutHead, 700)), event), DecodeError::kNone);
    EXPECT_EQ(event.path(), kCutPath);
    EXPECT_TRUE(event.path_cut());
    EXPECT_EQ(event.path().substr(event.path_tail), u"zzz\\evil.exe");
    EXPECT_EQ(event.path_full_length, 700);
    EXPECT_FALSE(event.path_exact);
    EXPECT_FALSE(event.path_partial);
    ASSERT_EQ(decode(create(cut_payload({.path = kCutPath, .exact = false}, kCutHead, 700)), event),
              DecodeError::kNone);
    EXPECT_TRUE(event.path_partial);
}

// Catches: what one event said of its cut left standing for the next.
TEST(Decode, AWholePathIsNotCut) {
    agent::Event event;
    ASSERT_EQ(decode(create(cut_payload({.path = kCutPath}, kCutHead, 700)), event), DecodeError::kNone);
    ASSERT_EQ(decode(create(compact_payload(kStart)), event), DecodeError::kNone);
    EXPECT_FALSE(event.path_cut());
    EXPECT_EQ(event.path_full_length, kStart.path.size());
    EXPECT_FALSE(event.path_partial);
}

// A later driver may say more about a path. Catches: a decoder that wants the bits it does not know to be zero.
TEST(Decode, UnknownFlagsAreIgnored) {
    std::vector<std::byte> payload = compact_payload(kStart);
    payload[offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathFlags)] = std::byte{0xFC | AEGIS_PATH_CUT_EXACT};
    agent::Event event;
    ASSERT_EQ(decode(create(payload), event), DecodeError::kNone);
    EXPECT_FALSE(event.path_cut());
    EXPECT_TRUE(event.path_exact);
}

// Catches: reading the last units of a payload that has not got them (with AddressSanitizer: beyond the bytes).
TEST(Decode, RefusesACutPathWithoutItsLastUnits) {
    std::vector<std::byte> payload = cut_payload({.path = kCutPath}, kCutHead, 700);
    payload.pop_back();
    agent::Event event;
    EXPECT_EQ(decode(create(payload), event), DecodeError::kPathBeyondPayload);
    payload.resize(AEGIS_PROCESS_PAYLOAD_FIXED + kCutPath.size() * sizeof(char16_t));
    EXPECT_EQ(decode(create(payload), event), DecodeError::kPathBeyondPayload);
}

// Catches: a place of the cut that is believed (a view beyond the path), or a length that cannot be.
TEST(Decode, RefusesACutThatDoesNotAddUp) {
    const auto units = static_cast<std::uint16_t>(kCutPath.size());
    const auto decode_cut = [](std::u16string_view path, std::uint16_t head, std::uint16_t full) {
        agent::Event event;
        return decode(create(cut_payload({.path = path}, head, full)), event);
    };
    EXPECT_EQ(decode_cut(kCutPath, units - 3, 700), DecodeError::kNone);
    EXPECT_EQ(decode_cut(kCutPath, units - 2, 700), DecodeError::kCutBeyondPath);
    EXPECT_EQ(decode_cut(kCutPath, 0xFFFF, 700), DecodeError::kCutBeyondPath);
    EXPECT_EQ(decode_cut(kCutPath, kCutHead, units), DecodeError::kNone);
    EXPECT_EQ(decode_cut(kCutPath, kCutHead, units - 1), DecodeError::kCutBeyondPath);
    EXPECT_EQ(decode_cut(std::u16string(AEGIS_PATH_CUT_MAX, u'x'), kCutHead, 700), DecodeError::kNone);
    EXPECT_EQ(decode_cut(std::u16string(AEGIS_PATH_CUT_MAX + 1, u'x'), kCutHead, 700), DecodeError::kCutBeyondPath);
}

TEST(Decode, EmptyPathIsTaken) {
    agent::Event event;
    ASSERT_EQ(decode(create(compact_payload({.pid = 1})), event), DecodeError::kNone);
    EXPECT_TRUE(event.path().empty());
}

TEST(Decode, ExitHasItsProcessId) {
    agent::Event event;
    ASSERT_EQ(decode(event_bytes(AEGIS_EVENT_PROCESS_EXIT, kTimestamp, kSequence, test::exit_payload(77)), event),
              DecodeError::kNone);
    EXPECT_EQ(event.process_id, 77U);
}

// Catches: an unknown type's payload being judged by another type's rules.
TEST(Decode, UnknownTypeNeedsAHeaderOnly) {
    agent::Event event;
    EXPECT_EQ(decode(event_bytes(99, kTimestamp, kSequence, {}), event), DecodeError::kNone);
    EXPECT_EQ(event.header.Type, 99);
}

// Catches: a decoder that looks beyond Header.Size for its payload.
TEST(Decode, BytesBehindTheEventAreNotItsPayload) {
    std::vector<std::byte> bytes = create(compact_payload(kStart));
    set_size(bytes, sizeof(AEGIS_EVENT_HEADER) + AEGIS_PROCESS_PAYLOAD_FIXED);
    agent::Event event;
    EXPECT_EQ(decode(bytes, event), DecodeError::kPathBeyondPayload);
}

// Catches: the header being copied before its length is known (with AddressSanitizer: a read beyond the bytes).
TEST(Decode, RefusesFewerBytesThanAHeader) {
    const std::vector<std::byte> bytes(sizeof(AEGIS_EVENT_HEADER) - 1);
    agent::Event event;
    EXPECT_EQ(decode(bytes, event), DecodeError::kShorterThanHeader);
    EXPECT_EQ(decode({}, event), DecodeError::kShorterThanHeader);
}

TEST(Decode, RefusesASizeBelowTheHeader) {
    for (const std::uint16_t size : {0, 1, 15}) {
        std::vector<std::byte> bytes = create(compact_payload(kStart));
        set_size(bytes, size);
        agent::Event event;
        EXPECT_EQ(decode(bytes, event), DecodeError::kShorterThanHeader) << size;
        EXPECT_EQ(event.header.Size, size);
    }
}

TEST(Decode, RefusesASizeBeyondTheBytes) {
    std::vector<std::byte> bytes = create(compact_payload(kStart));
    set_size(bytes, static_cast<std::uint16_t>(bytes.size() + 1));
    agent::Event event;
    EXPECT_EQ(decode(bytes, event), DecodeError::kBeyondItsBuffer);
    EXPECT_EQ(event.header.Sequence, kSequence);
}

TEST(Decode, RefusesAPayloadTooShortForItsType) {
    const std::vector<std::byte> payload(AEGIS_PROCESS_PAYLOAD_FIXED - 1);
    agent::Event event;
    EXPECT_EQ(decode(create(payload), event), DecodeError::kPayloadTooShort);
    EXPECT_EQ(decode(event_bytes(AEGIS_EVENT_PROCESS_EXIT, kTimestamp, kSequence, payload), event),
              DecodeError::kPayloadTooShort);
}

// Catches: a bound of AEGIS_MAX_PATH instead of AEGIS_MAX_PATH_REPORTED, or none (a write beyond Event::path_units).
TEST(Decode, RefusesAPathLongerThanMayBeReported) {
    for (const std::uint16_t units : {std::uint16_t{512}, std::uint16_t{0xFFFF}}) {
        std::vector<std::byte> payload = full_payload(kStart);
        set_path_length(payload, units);
        agent::Event event;
        EXPECT_EQ(decode(create(payload), event), DecodeError::kPathTooLong) << units;
    }
}

// Catches: comparing units with bytes.
TEST(Decode, RefusesAPathBeyondThePayload) {
    std::vector<std::byte> payload = compact_payload(kStart);
    set_path_length(payload, static_cast<std::uint16_t>(kStart.path.size() + 1));
    agent::Event event;
    EXPECT_EQ(decode(create(payload), event), DecodeError::kPathBeyondPayload);
}

// Catches: a part or a text that is believed; bytes read beyond the payload.
TEST(Decode, DetailsThatDoNotAddUpAreMalformed) {
    const std::vector<std::byte> good = test::details_payload({.pid = 4, .command_line = u"abcdef"});
    const auto decoded = [](std::vector<std::byte> payload) {
        agent::Event event;
        return agent::decode(test::event_bytes(AEGIS_EVENT_PROCESS_DETAILS, 1, 1, payload), event);
    };
    EXPECT_EQ(decoded(good), agent::DecodeError::kNone);
    const auto with = [&](std::size_t offset, std::uint16_t value, std::size_t bytes) {
        std::vector<std::byte> payload = good;
        std::memcpy(payload.data() + offset, &value, bytes);
        return decoded(payload);
    };
    using Payload = AEGIS_PROCESS_DETAILS_PAYLOAD;
    EXPECT_EQ(with(offsetof(Payload, Kind), 0, 1), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, Kind), 3, 1), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, Part), 1, 1), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, Parts), 0, 1), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, Parts), 9, 1), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, SidLength), 27, 2), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, SidLength), 70, 2), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, CommandLineOffset), 1, 2), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, CommandLineLength), 7, 2), agent::DecodeError::kBadDetails);
    EXPECT_EQ(with(offsetof(Payload, CommandLineFullLength), 5, 2), agent::DecodeError::kBadDetails);
    for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
        const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(bytes));
        EXPECT_EQ(decoded(cut), bytes < AEGIS_DETAILS_PAYLOAD_FIXED ? agent::DecodeError::kPayloadTooShort
                                                                    : agent::DecodeError::kBadDetails)
            << bytes;
    }
    // In full form more text may be said than an event holds.
    std::vector<std::byte> full(sizeof(Payload));
    std::copy(good.begin(), good.end(), full.begin());
    const std::uint16_t too_long = AEGIS_DETAILS_TEXT;
    std::memcpy(full.data() + offsetof(Payload, CommandLineLength), &too_long, sizeof(too_long));
    std::memcpy(full.data() + offsetof(Payload, CommandLineFullLength), &too_long, sizeof(too_long));
    EXPECT_EQ(decoded(full), agent::DecodeError::kBadDetails);
}

}  // namespace
}  // namespace aegis
