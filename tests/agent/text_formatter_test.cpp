// The lines of Part 2, written out by hand.

#include "agent/text_formatter.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTimestamp = 133590404961234567;  // 12:34:56.1234567

std::string line(std::uint16_t type, const std::vector<std::byte>& payload, std::uint64_t sequence) {
    agent::Event event;
    EXPECT_EQ(agent::decode(test::event_bytes(type, kTimestamp, 1, payload), event), agent::DecodeError::kNone);
    agent::TextFormatter formatter;
    agent::Lines lines;
    formatter.append_event(event, sequence, lines);
    return fmt::to_string(lines);
}

std::string start_line(const test::Start& start) {
    return line(AEGIS_EVENT_PROCESS_CREATE, compact_payload(start), 17);
}

TEST(TextFormatter, Start) {
    EXPECT_EQ(start_line({.pid = 812, .parent = 640, .creator = 640, .path = u"\\Device\\HarddiskVolume3\\cmd.exe"}),
              "[12:34:56.123] #17 CREATE pid=812 ppid=640 creator=640 \\Device\\HarddiskVolume3\\cmd.exe\n");
}

TEST(TextFormatter, StartWithANameWindowsDoesNotVouchFor) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 2, .path = u"x", .exact = false}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 x [partial-name]\n");
}

TEST(TextFormatter, StartByAnotherThanTheParent) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 3, .path = u"x"}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=3 x [creator!=parent]\n");
}

// Catches: a mark left out, or in another order, when several apply.
TEST(TextFormatter, StartWithEveryMark) {
    const char16_t path[] = {u'a', 0xD800};
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 3, .path = {path, 2}, .exact = false}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=3 a\xEF\xBF\xBD [partial-name] [invalid-utf16] "
              "[creator!=parent]\n");
}

TEST(TextFormatter, StartWithoutAPath) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 2, .exact = false}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 <unknown> [partial-name]\n");
}

// Catches: a path that forges a line of its own.
TEST(TextFormatter, APathCannotBreakItsLine) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 2, .path = u"a\n[00:00:00.000] #1 EXIT pid=1"}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 a\\u000a[00:00:00.000] #1 EXIT pid=1\n");
}

TEST(TextFormatter, Exit) {
    EXPECT_EQ(line(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(812), 18446744073709551615U),
              "[12:34:56.123] #18446744073709551615 EXIT pid=812\n");
}

TEST(TextFormatter, UnknownTypeNamesItsNumberAndSize) {
    EXPECT_EQ(line(5, std::vector<std::byte>(80), 3), "[12:34:56.123] #3 type=5 (96 bytes)\n");
}

TEST(TextFormatter, LossNamesBothEnds) {
    agent::TextFormatter formatter;
    agent::Lines lines;
    formatter.append_loss({19, 21}, kTimestamp, lines);
    formatter.append_loss({4294967296, 4294967296}, kTimestamp, lines);
    EXPECT_EQ(fmt::to_string(lines),
              "[12:34:56.123] LOST 3 events (#19..#21)\n"
              "[12:34:56.123] LOST 1 events (#4294967296..#4294967296)\n");
}

}  // namespace
}  // namespace aegis
