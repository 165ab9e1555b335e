// The lines of Part 2, written out by hand.

#include "agent/format/text_formatter.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>

#include "support/event_bytes.hpp"

namespace aegis {
namespace {

constexpr std::int64_t kTimestamp = 133590404961234567;  // 12:34:56.1234567

class TextFormatter : public ::testing::Test {
  protected:
    std::string line(std::uint16_t type, const std::vector<std::byte>& payload, std::uint64_t sequence = 17) {
        agent::Event event;
        EXPECT_EQ(agent::decode(test::event_bytes(type, kTimestamp, 1, payload), event), agent::DecodeError::kNone);
        agent::Lines lines;
        formatter_.append_event(event, sequence, lines);
        return fmt::to_string(lines);
    }

    std::string start_line(const test::Start& start) {
        return line(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload(start));
    }
    std::string cut_line(const test::Start& start, std::uint16_t head) {
        return line(AEGIS_EVENT_PROCESS_CREATE, test::cut_payload(start, head, 700));
    }
    std::string exit_line(std::uint32_t pid) { return line(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(pid), 18); }

    std::string thread_line(const AEGIS_THREAD_PAYLOAD& thread, std::uint16_t type = AEGIS_EVENT_THREAD_CREATE) {
        return line(type, test::thread_payload(thread));
    }

    std::string image_line(const AEGIS_IMAGE_PAYLOAD& image) {
        return line(AEGIS_EVENT_IMAGE_LOAD, test::image_payload(image));
    }

    // With what was told of the process before, as the printer joins them.
    std::string joined_line(std::uint16_t type, const std::vector<std::byte>& payload, const test::Details& what,
                            agent::TextFormatter* formatter = nullptr) {
        agent::PendingDetails pending;
        agent::Event event;
        EXPECT_EQ(
            agent::decode(test::event_bytes(AEGIS_EVENT_PROCESS_DETAILS, kTimestamp, 1, test::details_payload(what)),
                          event),
            agent::DecodeError::kNone);
        pending.add(event);
        EXPECT_EQ(agent::decode(test::event_bytes(type, kTimestamp, 1, payload), event), agent::DecodeError::kNone);
        agent::ProcessDetails details;
        bool complete = false;
        EXPECT_TRUE(pending.take(event, details, complete));
        event.known = &details;
        agent::Lines lines;
        (formatter != nullptr ? *formatter : formatter_).append_event(event, 17, lines);
        return fmt::to_string(lines);
    }

    agent::ProcessTable processes_;
    agent::TextFormatter formatter_{processes_};
};

TEST_F(TextFormatter, Start) {
    EXPECT_EQ(start_line({.pid = 812, .parent = 640, .creator = 640, .path = u"\\Device\\HarddiskVolume3\\cmd.exe"}),
              "[12:34:56.123] #17 CREATE pid=812 ppid=640 creator=640 \\Device\\HarddiskVolume3\\cmd.exe\n");
}

// Catches: a thread of a known process without its name; a look that forgets the process.
TEST_F(TextFormatter, ThreadStart) {
    EXPECT_EQ(thread_line(test::remote_thread()),
              "[12:34:56.123] #17 THREAD-START pid=812 tid=816 creator=640:644 start=0x7ff6a0001000 [remote]\n");
    start_line({.pid = 812, .path = u"\\Windows\\cmd.exe"});
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(thread_line(test::remote_thread()),
                  "[12:34:56.123] #17 THREAD-START pid=812 tid=816 creator=640:644 start=0x7ff6a0001000 cmd.exe "
                  "[remote]\n");
    }
}

// Catches: the first thread called injected; an unknown flag that changes a line; something said that is not known.
TEST_F(TextFormatter, ThreadMarks) {
    AEGIS_THREAD_PAYLOAD thread = test::remote_thread();
    thread.Flags = AEGIS_THREAD_REMOTE | AEGIS_THREAD_FIRST | 0xFFFFFF80U;
    EXPECT_EQ(thread_line(thread), "[12:34:56.123] #17 THREAD-START pid=812 tid=816 creator=640:644 [first]\n");
    thread.Flags = AEGIS_THREAD_SYSTEM | AEGIS_THREAD_REMOTE;
    thread.CreatorProcessId = 0;
    thread.CreatorThreadId = 0;
    EXPECT_EQ(thread_line(thread), "[12:34:56.123] #17 THREAD-START pid=812 tid=816 [remote] [system]\n");
}

TEST_F(TextFormatter, ThreadExit) {
    AEGIS_THREAD_PAYLOAD thread{};
    thread.ProcessId = 812;
    thread.ThreadId = 816;
    EXPECT_EQ(thread_line(thread, AEGIS_EVENT_THREAD_EXIT), "[12:34:56.123] #17 THREAD-EXIT pid=812 tid=816\n");
    start_line({.pid = 812, .path = u"/usr/bin/true"});
    thread.Flags = AEGIS_THREAD_EXIT_STATUS_VALID;
    thread.ExitStatus = static_cast<std::int32_t>(0xC0000005);
    EXPECT_EQ(thread_line(thread, AEGIS_EVENT_THREAD_EXIT),
              "[12:34:56.123] #17 THREAD-EXIT pid=812 tid=816 status=0xc0000005 true\n");
}

TEST_F(TextFormatter, ImageLoad) {
    EXPECT_EQ(image_line(test::loaded_image()),
              "[12:34:56.123] #17 IMAGE-LOAD pid=812 loader=640 base=0x7ff912340000 size=2064384 "
              "\\Device\\HarddiskVolume3\\ntdll.dll\n");
    AEGIS_IMAGE_PAYLOAD image = test::loaded_image(u"");
    image.LoaderProcessId = 812;
    EXPECT_EQ(image_line(image), "[12:34:56.123] #17 IMAGE-LOAD pid=812 base=0x7ff912340000 size=2064384 <unknown>\n");
}

// Catches: a mark left out, or in another order, when several apply; an unknown flag that changes a line.
TEST_F(TextFormatter, ImageMarks) {
    const char16_t path[] = {u'a', 0xD800};
    AEGIS_IMAGE_PAYLOAD image = test::loaded_image({path, 2});
    image.ProcessId = 0;
    image.Flags = AEGIS_IMAGE_KERNEL | AEGIS_IMAGE_PARTIAL_MAP | AEGIS_IMAGE_MACHINE_MISMATCH | 0xE0;
    EXPECT_EQ(image_line(image),
              "[12:34:56.123] #17 IMAGE-LOAD pid=0 loader=640 base=0x7ff912340000 size=2064384 a\uFFFD [partial-name] "
              "[invalid-utf16] [driver] [partial-map] [other-machine]\n");
    EXPECT_TRUE(image_line(test::cut_image(u"\\x.dll", 700)).ends_with("\\x.dll [path cut: 700 units]\n"));
}

TEST_F(TextFormatter, StartWithANameWindowsDoesNotVouchFor) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 2, .path = u"x", .exact = false}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 x [partial-name]\n");
}

// Catches: a refusal that reads like a start; the end of the pid's next process that is given the refused one's name.
TEST_F(TextFormatter, AStartThatWasRefused) {
    AEGIS_PROCESS_PAYLOAD payload = test::process_payload({.pid = 7, .parent = 2, .creator = 2, .path = u"/tmp/x"});
    payload.ImagePathFlags |= AEGIS_PROCESS_REFUSED;
    EXPECT_EQ(line(AEGIS_EVENT_PROCESS_CREATE, test::bytes_of(payload)),
              "[12:34:56.123] #17 CREATE pid=7 ppid=2 creator=2 /tmp/x [refused]\n");
    EXPECT_EQ(exit_line(7).find("/tmp/x"), std::string::npos);
}

TEST_F(TextFormatter, EventsThatWereKeptBack) {
    const auto kept_back = [this](std::uint8_t reason, std::uint32_t like) {
        AEGIS_SUPPRESSED_PAYLOAD payload = {};
        payload.Count = 12;
        payload.FirstTime = kTimestamp;
        payload.LastTime = kTimestamp + 10'000'000;
        payload.LikeProcessId = like;
        payload.Type = AEGIS_EVENT_PROCESS_CREATE;
        payload.Reason = reason;
        const auto* const bytes = reinterpret_cast<const std::byte*>(&payload);
        return line(AEGIS_EVENT_SUPPRESSED, {bytes, bytes + sizeof(payload)});
    };
    EXPECT_EQ(kept_back(AEGIS_SUPPRESSED_LIMITED, 0),
              "[12:34:56.123] #17 SUPPRESSED 12 events of type 1 (limited, 12:34:56.123..12:34:57.123)\n");
    EXPECT_EQ(kept_back(AEGIS_SUPPRESSED_MERGED, 640),
              "[12:34:56.123] #17 SUPPRESSED 12 events of type 1 (merged, 12:34:56.123..12:34:57.123) like pid=640\n");
}

TEST_F(TextFormatter, StartByAnotherThanTheParent) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 3, .path = u"x"}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=3 x [creator!=parent]\n");
}

// Catches: a mark left out, or in another order, when several apply.
TEST_F(TextFormatter, StartWithEveryMark) {
    const char16_t path[] = {u'a', 0xD800};
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 3, .path = {path, 2}, .exact = false}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=3 a\xEF\xBF\xBD [partial-name] [invalid-utf16] "
              "[creator!=parent]\n");
}

TEST_F(TextFormatter, StartWithoutAPath) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 2, .exact = false}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 <unknown> [partial-name]\n");
}

// Catches: a path that forges a line of its own.
TEST_F(TextFormatter, APathCannotBreakItsLine) {
    EXPECT_EQ(start_line({.pid = 1, .parent = 2, .creator = 2, .path = u"a\n[00:00:00.000] #1 EXIT pid=1"}),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 a\\u000a[00:00:00.000] #1 EXIT pid=1\n");
}

TEST_F(TextFormatter, ExitOfAnUnknownProcess) {
    EXPECT_EQ(line(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(812), 18446744073709551615U),
              "[12:34:56.123] #18446744073709551615 EXIT pid=812\n");
}

// Catches: an exit without its name, with another's, or with that of a process that had the id before.
TEST_F(TextFormatter, ExitNamesTheProgramOfTheStart) {
    start_line({.pid = 812, .path = u"\\Device\\HarddiskVolume3\\cmd.exe"});
    start_line({.pid = 813, .path = u"/usr/bin/a b"});
    EXPECT_EQ(exit_line(812), "[12:34:56.123] #18 EXIT pid=812 cmd.exe\n");
    EXPECT_EQ(exit_line(813), "[12:34:56.123] #18 EXIT pid=813 a b\n");
    EXPECT_EQ(exit_line(812), "[12:34:56.123] #18 EXIT pid=812\n");
}

// Catches: marks that the name on an exit needs as much as the path on a start; creator!=parent, which it does not.
TEST_F(TextFormatter, ExitRepeatsTheMarksOfThePath) {
    start_line({.pid = 1, .parent = 2, .creator = 3, .path = u"x", .exact = false});
    EXPECT_EQ(exit_line(1), "[12:34:56.123] #18 EXIT pid=1 x [partial-name]\n");
    start_line({.pid = 1, .exact = false});
    EXPECT_EQ(exit_line(1), "[12:34:56.123] #18 EXIT pid=1 [partial-name]\n");
}

TEST_F(TextFormatter, ANameCannotBreakTheLineOfItsExit) {
    start_line({.pid = 1, .path = u"/bin/a\nb"});
    EXPECT_EQ(exit_line(1), "[12:34:56.123] #18 EXIT pid=1 a\\u000ab\n");
}

// Catches: append_loss without forget_all: the id may have gone to another process in between.
TEST_F(TextFormatter, AfterALossNoExitIsGivenAnOldName) {
    start_line({.pid = 1, .path = u"/bin/a"});
    agent::Lines lines;
    formatter_.append_loss(agent::LostEvents::overwritten(19, 21), kTimestamp, lines);
    EXPECT_EQ(exit_line(1), "[12:34:56.123] #18 EXIT pid=1\n");
}

// Catches: a cut that looks like a partial name, or like invalid text.
TEST_F(TextFormatter, ACutPathHasAMarkOfItsOwn) {
    EXPECT_EQ(cut_line({.pid = 1, .parent = 2, .creator = 2, .path = u"/a/b...c/evil"}, 4),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=2 /a/b...c/evil [path cut: 700 units]\n");
    EXPECT_EQ(exit_line(1), "[12:34:56.123] #18 EXIT pid=1 evil [path cut: 700 units]\n");
}

// Catches: a mark left out, or in another order, when several apply.
TEST_F(TextFormatter, ACutPathWithEveryMark) {
    const char16_t path[] = {u'/', u'a', u'.', u'.', u'.', u'/', u'e', 0xD800};
    EXPECT_EQ(cut_line({.pid = 1, .parent = 2, .creator = 3, .path = {path, 8}, .exact = false}, 2),
              "[12:34:56.123] #17 CREATE pid=1 ppid=2 creator=3 /a.../e\xEF\xBF\xBD [partial-name] "
              "[path cut: 700 units] [invalid-utf16] [creator!=parent]\n");
}

// A piece of a name is none.
TEST_F(TextFormatter, ANameThatWasCutItselfIsLeftOut) {
    cut_line({.pid = 1, .path = u"/a/name...end"}, 7);
    EXPECT_EQ(exit_line(1), "[12:34:56.123] #18 EXIT pid=1 [path cut: 700 units]\n");
}

// Catches: what a person wants to know first left out; a command line that forges a line of its own.
TEST_F(TextFormatter, StartWithDetails) {
    EXPECT_EQ(joined_line(AEGIS_EVENT_PROCESS_CREATE,
                          test::compact_payload({.pid = 812, .parent = 640, .creator = 700, .path = u"/bin/cmd"}), {}),
              "[12:34:56.123] #17 CREATE pid=812 ppid=640 creator=700 /bin/cmd [creator!=parent] "
              "[user: S-1-5-21-1-2-3-1000] [command: cmd.exe /c \"a b\"]\n");
    EXPECT_EQ(joined_line(AEGIS_EVENT_PROCESS_CREATE,
                          test::compact_payload({.pid = 812, .parent = 640, .creator = 640, .path = u"/bin/cmd"}),
                          {.command_line = u"a\nb", .full = 5000}),
              "[12:34:56.123] #17 CREATE pid=812 ppid=640 creator=640 /bin/cmd "
              "[user: S-1-5-21-1-2-3-1000] [command: a\\u000ab] [command cut: 5000 units]\n");
    agent::TextFormatter naming(processes_, nullptr, std::make_unique<agent::UserNames>([](std::span<const std::byte>) {
                                    return agent::UserName{"an\nna", "BOX"};
                                }));
    EXPECT_EQ(joined_line(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = 812, .path = u"/bin/cmd"}),
                          {.flags = AEGIS_DETAILS_TOKEN_VALID}, &naming),
              "[12:34:56.123] #17 CREATE pid=812 ppid=0 creator=0 /bin/cmd [user: BOX\\an\\u000ana]\n");
}

TEST_F(TextFormatter, StartWhoseDetailsGotLost) {
    agent::Event event;
    ASSERT_EQ(agent::decode(test::event_bytes(AEGIS_EVENT_PROCESS_CREATE, kTimestamp, 1,
                                              test::compact_payload({.pid = 812, .path = u"/bin/cmd"})),
                            event),
              agent::DecodeError::kNone);
    event.details_lost = true;
    agent::Lines lines;
    formatter_.append_event(event, 17, lines);
    EXPECT_EQ(fmt::to_string(lines), "[12:34:56.123] #17 CREATE pid=812 ppid=0 creator=0 /bin/cmd [details lost]\n");
}

TEST_F(TextFormatter, ExitWithItsStatus) {
    start_line({.pid = 812, .path = u"/bin/cmd"});
    const test::Details end = {
        .command_line = u"", .kind = AEGIS_DETAILS_EXIT, .flags = AEGIS_DETAILS_EXIT_STATUS_VALID};
    EXPECT_EQ(joined_line(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(812), end),
              "[12:34:56.123] #17 EXIT pid=812 status=3 cmd\n");
    EXPECT_EQ(joined_line(AEGIS_EVENT_PROCESS_EXIT, test::exit_payload(812),
                          {.command_line = u"",
                           .kind = AEGIS_DETAILS_EXIT,
                           .flags = AEGIS_DETAILS_EXIT_STATUS_VALID,
                           .status = static_cast<std::int32_t>(0xC0000005)}),
              "[12:34:56.123] #17 EXIT pid=812 status=0xc0000005\n");
}

// Catches: the name of a process that had the number before.
TEST_F(TextFormatter, AThreadOfAnotherProcessWithTheSameNumberHasNoName) {
    joined_line(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = 812, .path = u"/bin/cmd"}), {.key = 7});
    AEGIS_THREAD_PAYLOAD thread{};
    thread.ProcessId = 812;
    thread.ThreadId = 816;
    thread.ProcessKey = 9;
    EXPECT_EQ(thread_line(thread), "[12:34:56.123] #17 THREAD-START pid=812 tid=816\n");
    thread.ProcessKey = 7;
    EXPECT_EQ(thread_line(thread), "[12:34:56.123] #17 THREAD-START pid=812 tid=816 cmd\n");
}

TEST_F(TextFormatter, UnknownTypeNamesItsNumberAndSize) {
    EXPECT_EQ(line(5, std::vector<std::byte>(80), 3), "[12:34:56.123] #3 type=5 (96 bytes)\n");
}

TEST_F(TextFormatter, LossNamesBothEnds) {
    agent::Lines lines;
    formatter_.append_loss(agent::LostEvents::overwritten(19, 21), kTimestamp, lines);
    formatter_.append_loss(agent::LostEvents::overwritten(4294967296, 4294967296), kTimestamp, lines);
    EXPECT_EQ(fmt::to_string(lines),
              "[12:34:56.123] LOST 3 events (#19..#21)\n"
              "[12:34:56.123] LOST 1 events (#4294967296..#4294967296)\n");
}

// Catches: a reason without its word, or with another one's.
TEST_F(TextFormatter, LossWithoutASequenceNamesItsReason) {
    agent::Lines lines;
    for (const agent::LossReason reason : {agent::LossReason::kOversize, agent::LossReason::kClosing,
                                           agent::LossReason::kFailed, agent::LossReason::kSource}) {
        formatter_.append_loss({reason, 85'080}, kTimestamp, lines);
    }
    EXPECT_EQ(fmt::to_string(lines),
              "[12:34:56.123] LOST 85080 events (oversize)\n"
              "[12:34:56.123] LOST 85080 events (closing)\n"
              "[12:34:56.123] LOST 85080 events (failed)\n"
              "[12:34:56.123] LOST 85080 events (source)\n");
}

}  // namespace
}  // namespace aegis
