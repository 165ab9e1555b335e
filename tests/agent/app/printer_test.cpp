// What a worker prints, counts, and gives up.

#include "agent/app/printer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/events/process_table.hpp"
#include "agent/format/text_formatter.hpp"
#include "support/captured_log.hpp"
#include "support/event_bytes.hpp"
#include "support/fake_system.hpp"

namespace aegis {
namespace {

using agent::LossReason;
using agent::LostEvents;
using agent::WriteStatus;

constexpr std::int64_t kSecond = 10'000'000;

class Printer : public testing::Test {
  protected:
    void event(std::uint64_t sequence, std::int64_t time = test::kSomeTime) {
        printer_.event(sequence, test::event_bytes(AEGIS_EVENT_PROCESS_EXIT, time, static_cast<std::uint32_t>(sequence),
                                                   test::exit_payload(1)));
    }
    agent::Totals totals() {
        agent::Totals totals;
        counters_.add_to(totals);
        return totals;
    }

    test::FakeSystem system_;
    test::CapturedLog log_;
    agent::ProcessTable processes_;
    agent::Output output_{system_.port(), false};
    agent::MalformedReporter malformed_{log_};
    agent::Counters counters_;
    agent::PendingDetails details_;
    // Made at 12:34:56.125.
    agent::Printer printer_{system_.port(), output_,  malformed_,
                            counters_,      details_, std::make_unique<agent::TextFormatter>(processes_)};
};

// Catches: the time of noticing, which lies after events that happened before it and were read later.
TEST_F(Printer, ALossIsNotLaterThanTheEventsBehindIt) {
    printer_.loss(LostEvents::overwritten(1, 3));
    event(4, test::kSomeTime - kSecond);
    event(5, test::kSomeTime);
    printer_.loss(LostEvents::overwritten(6, 6));
    event(7, test::kSomeTime + kSecond);
    printer_.loss({LossReason::kSource, 9});
    event(8, test::kSomeTime - 2 * kSecond);
    printer_.loss({LossReason::kOversize, 1});
    printer_.flush();
    event(9, test::kSomeTime);
    printer_.flush();
    EXPECT_EQ(system_.output(),
              "[12:34:55.123] LOST 3 events (#1..#3)\n"
              "[12:34:55.123] #4 EXIT pid=1\n"
              "[12:34:56.123] #5 EXIT pid=1\n"
              "[12:34:56.123] LOST 1 events (#6..#6)\n"
              "[12:34:57.123] #7 EXIT pid=1\n"
              "[12:34:54.123] LOST 9 events (source)\n"
              "[12:34:54.123] #8 EXIT pid=1\n"
              "[12:34:54.123] LOST 1 events (oversize)\n"
              "[12:34:56.123] #9 EXIT pid=1\n");
}

// Catches: a loss that waits for an event that never comes.
TEST_F(Printer, ALossAloneIsPrintedByTheFlush) {
    printer_.loss({agent::LossReason::kSource, 4});
    EXPECT_EQ(system_.output(), "");
    printer_.flush();
    EXPECT_EQ(system_.output(), "[12:34:56.125] LOST 4 events (source)\n");
    EXPECT_EQ(totals().lost, 4U);
}

// Catches: a gap in two pieces, or two gaps with events between them in one.
TEST_F(Printer, AGapThatGrowsBeforeAnythingWasReadIsOne) {
    printer_.loss(LostEvents::overwritten(1, 10));
    printer_.loss(LostEvents::overwritten(11, 30));
    printer_.loss({agent::LossReason::kOversize, 2});
    event(31);
    printer_.loss(LostEvents::overwritten(33, 40));
    printer_.flush();
    EXPECT_EQ(system_.output(),
              "[12:34:56.123] LOST 30 events (#1..#30)\n"
              "[12:34:56.123] LOST 2 events (oversize)\n"
              "[12:34:56.123] #31 EXIT pid=1\n"
              "[12:34:56.123] LOST 8 events (#33..#40)\n");
    EXPECT_EQ(totals().lost, 40U);
}

// Details have no line: they become a part of that of their process.
// Catches: a line for details, or --count used up by them; a start without them, or with another's; events uncounted.
TEST_F(Printer, DetailsBecomeAPartOfTheirProcesssLine) {
    const auto print = [this](std::uint16_t type, const std::vector<std::byte>& payload) {
        return printer_.event(1, test::event_bytes(type, test::kSomeTime, 1, payload));
    };
    EXPECT_FALSE(print(AEGIS_EVENT_PROCESS_DETAILS, test::details_payload({.pid = 7, .command_line = u"seven"})));
    EXPECT_FALSE(print(AEGIS_EVENT_PROCESS_DETAILS, test::details_payload({.pid = 8, .command_line = u"eight"})));
    EXPECT_TRUE(print(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = 8, .path = u"/8"})));
    EXPECT_TRUE(print(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = 7, .path = u"/7"})));
    EXPECT_TRUE(print(AEGIS_EVENT_PROCESS_CREATE, test::compact_payload({.pid = 9, .path = u"/9"})));
    printer_.flush();
    const std::string lines = system_.output();
    EXPECT_NE(lines.find("/8 [user: S-1-5-21-1-2-3-1000] [command: eight]\n"), std::string::npos) << lines;
    EXPECT_NE(lines.find("/7 [user: S-1-5-21-1-2-3-1000] [command: seven]\n"), std::string::npos) << lines;
    EXPECT_NE(lines.find("/9 [details lost]\n"), std::string::npos) << lines;
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
    EXPECT_EQ(totals().delivered, 3U);
    EXPECT_EQ(totals().joined, 2U);
    // The last thing before the end.
    EXPECT_FALSE(print(AEGIS_EVENT_PROCESS_DETAILS, test::details_payload({.pid = 10})));
    printer_.flush();
    EXPECT_EQ(totals().delivered, 3U);
    EXPECT_EQ(totals().joined, 3U);
    EXPECT_EQ(totals().unwritten, 0U);
}

// Stdout takes part of what is written, up to each single byte, and no more.
// Catches: a whole buffer counted one way or the other; half a line counted as delivered; a loss's line as an event.
TEST(PrinterOutput, WhatWasTakenIsDeliveredAndTheRestUnwritten) {
    constexpr std::uint64_t kEvents = 5;
    for (std::size_t room = 0;; ++room) {
        test::FakeSystem system;
        test::CapturedLog log;
        agent::Output output(system.port(), false);
        agent::MalformedReporter malformed(log);
        agent::Counters counters;
        agent::ProcessTable processes;
        agent::PendingDetails details;
        agent::Printer printer(system.port(), output, malformed, counters, details,
                               std::make_unique<agent::TextFormatter>(processes));
        system.break_output({WriteStatus::kFailed, 0, "full"}, room);
        for (std::uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
            if (sequence % 2 == 0) {
                printer.loss({agent::LossReason::kSource, 1});
            }
            printer.event(sequence, test::event_bytes(AEGIS_EVENT_PROCESS_DETAILS, test::kSomeTime, 1,
                                                      test::details_payload({.pid = 1, .kind = AEGIS_DETAILS_EXIT})));
            printer.event(sequence,
                          test::event_bytes(AEGIS_EVENT_PROCESS_EXIT, test::kSomeTime, 1, test::exit_payload(1)));
        }
        printer.flush();
        const bool all_taken = printer.working();
        // What follows is counted, whatever became of the rest.
        printer.event(kEvents + 1,
                      test::event_bytes(AEGIS_EVENT_PROCESS_EXIT, test::kSomeTime, 1, test::exit_payload(1)));
        printer.loss({agent::LossReason::kSource, 1});
        printer.flush();
        const std::string taken = system.output();
        std::uint64_t events = 0;
        for (std::size_t at = taken.find('\n'); at != std::string::npos; at = taken.find('\n', at + 1)) {
            const std::size_t begin = at == 0 ? 0 : taken.rfind('\n', at - 1) + 1;
            events += taken.substr(begin, at - begin).find(" EXIT ") != std::string::npos ? 1 : 0;
        }
        agent::Totals totals;
        counters.add_to(totals);
        ASSERT_EQ(totals.delivered, events) << room;
        ASSERT_EQ(totals.joined, events) << room;
        ASSERT_EQ(totals.delivered + totals.joined + totals.unwritten, 2 * kEvents + 1) << room;
        ASSERT_EQ(totals.lost, kEvents / 2 + 1) << room;
        if (all_taken) {
            break;
        }
    }
}

}  // namespace
}  // namespace aegis
