// The pull transport, IOCTL 0x800.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {
namespace {

class Pull : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(FILE_READ_DATA), STATUS_SUCCESS);
    }

    // As many events as there are starts and ends, each in a cell of its own: threads have no details beside them.
    void threads_come_and_go(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            host::ThreadCreation thread;
            thread.pid = kFirstFreePid;
            thread.tid = kFirstFreePid + 4;
            activity_.create_thread(thread);
            activity_.exit_thread({.pid = thread.pid, .tid = thread.tid, .status = 0, .timestamp = kActivityTime});
        }
    }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

TEST_F(Pull, NeedsRoomForTheLargestEvent) {
    activity_.come_and_go(1);
    for (const std::size_t bytes : {0U, 1U, 16U, 1056U, 1119U}) {
        const PullResult result = client_.pull(bytes);
        EXPECT_EQ(result.status, STATUS_BUFFER_TOO_SMALL) << bytes;
        EXPECT_TRUE(result.bytes.empty()) << bytes;
    }
    // The refusals took no event, and made no consumer of the handle.
    EXPECT_EQ(client_.query().reply->Consumers[0].Transport, 0U);
    const PullResult result = client_.pull(1120);
    EXPECT_EQ(result.status, STATUS_SUCCESS);
    // The details of the start, which alone leave no room for it.
    ASSERT_EQ(result.bytes.size(), 1080U);
    EXPECT_EQ(all_events_in(result.bytes).front().header.Sequence, 1U);
}

TEST_F(Pull, ReturnsNothingWhenNothingIsQueued) {
    for (int i = 0; i < 3; ++i) {
        const PullResult result = client_.pull();
        EXPECT_EQ(result.status, STATUS_SUCCESS);
        EXPECT_TRUE(result.bytes.empty());
    }
}

TEST_F(Pull, ReturnsWholeEventsAsLongAsTheLargestWouldFit) {
    activity_.come_and_go(10);
    // Details and process events take turns.
    EXPECT_EQ(client_.pull(1120).bytes.size(), 1080U);
    EXPECT_EQ(client_.pull(1056 + 1119).bytes.size(), 1056U);
    EXPECT_EQ(client_.pull(1080 + 1120).bytes.size(), 1080U + 1056U);
    EXPECT_EQ(client_.pull(10 * (1080 + 1056) + 1119).bytes.size(), 10 * (1080U + 1056U));
    EXPECT_EQ(client_.pull(1 << 20).bytes.size(), 8 * (1080U + 1056U));
    EXPECT_EQ(client_.pull(1 << 20).bytes.size(), 0U);
}

TEST_F(Pull, IgnoresWhatIsInItsInput) {
    activity_.come_and_go(1);
    const std::vector<std::byte> junk(3000, std::byte{0xFF});
    std::vector<std::byte> output(1120);
    const host::IoResult io = client_.control(AEGIS_IOCTL_GET_EVENTS, junk, output);
    EXPECT_EQ(io.status, STATUS_SUCCESS);
    EXPECT_EQ(io.information, 1080U);
}

TEST_F(Pull, EachHandleHasItsOwnPlace) {
    activity_.come_and_go(2);
    Client second(host_);
    ASSERT_EQ(second.open(FILE_READ_DATA), STATUS_SUCCESS);
    EXPECT_EQ(events_in(client_.pull(1 << 20).bytes).size(), 4U);
    EXPECT_EQ(all_events_in(second.pull(1120).bytes).front().header.Sequence, 1U);
    EXPECT_TRUE(client_.pull().bytes.empty());
    EXPECT_EQ(all_events_in(second.pull(1120).bytes).front().header.Sequence, 2U);

    // A second handle of the same process, too.
    const host::ProcessHandle first_handle = client_.device();
    ASSERT_EQ(client_.open(FILE_READ_DATA), STATUS_SUCCESS);
    EXPECT_EQ(events_in(client_.pull(1 << 20).bytes).size(), 4U);
    client_.use(first_handle);
    EXPECT_TRUE(client_.pull().bytes.empty());
}

// A duplicate refers to the same file object, and so to the same place.
TEST_F(Pull, ADuplicateSharesThePlace) {
    activity_.come_and_go(2);
    Client second(host_);
    ASSERT_EQ(client_.duplicate_to(second), STATUS_SUCCESS);
    EXPECT_EQ(all_events_in(client_.pull(1120).bytes).front().header.Sequence, 1U);
    EXPECT_EQ(all_events_in(second.pull(1120).bytes).front().header.Sequence, 2U);
}

// A handle that is opened while events come: what was overwritten before is no loss of its own, and it leaves the
// producer a quarter of the ring, as many events as come here before its first pull. Catches: a start at the oldest
// event that is kept, which is about to go.
TEST_F(Pull, ANewHandleInARingThatWentRoundStartsWithHeadroom) {
    constexpr std::uint32_t kBefore = kSmallRingCells;
    constexpr std::uint32_t kQuarter = kSmallRingCells / 4;
    threads_come_and_go(kBefore);
    Client late(host_);
    ASSERT_EQ(late.open(FILE_READ_DATA), STATUS_SUCCESS);
    threads_come_and_go(kQuarter / 2);
    const PullResult pulled = late.pull(1 << 20);
    const std::vector<ProcessEvent> events = events_in(pulled.bytes);
    // The cell behind the newest event may be in the making when a reader looks.
    ASSERT_EQ(events.size(), kSmallRingCells - 1);
    EXPECT_EQ(events.front().header.Sequence, 2 * kBefore - kSmallRingCells + 1 + kQuarter + 1);
    EXPECT_EQ(late.query().reply->Consumers[0].Lost, 0U);
}

TEST_F(Pull, ANewHandleInARingThatDidNotGoRoundStartsAtTheFirstEvent) {
    threads_come_and_go(kSmallRingCells / 2);
    Client late(host_);
    ASSERT_EQ(late.open(FILE_READ_DATA), STATUS_SUCCESS);
    const std::vector<ProcessEvent> events = events_in(late.pull(1 << 20).bytes);
    ASSERT_EQ(events.size(), kSmallRingCells);
    EXPECT_EQ(events.front().header.Sequence, 1U);
}

// Full means the oldest go. Catches: a lapped pull that does not resume, or resumes at the oldest without counting.
TEST_F(Pull, ALappedReaderSeesAGapAndItsExactSize) {
    threads_come_and_go(1);
    ASSERT_EQ(all_events_in(client_.pull(1 << 20).bytes).size(), 2U);
    threads_come_and_go(100);
    const std::vector<ProcessEvent> events = events_in(client_.pull(1 << 20).bytes);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().header.Sequence, 202U) << "the newest must survive";
    for (std::size_t i = 1; i < events.size(); ++i) {
        EXPECT_EQ(events[i].header.Sequence, events[i - 1].header.Sequence + 1);
    }
    const std::uint32_t gap = events.front().header.Sequence - 3;
    EXPECT_EQ(gap + events.size(), 200U);
    const AEGIS_CONSUMER_INFO row = client_.query().reply->Consumers[0];
    EXPECT_EQ(row.Lost, gap);
    EXPECT_EQ(row.Cursor, 202U);
    EXPECT_EQ(row.Lag, 0U);
}

TEST_F(Pull, TellsNothingFromBeforeThisLoad) {
    activity_.come_and_go(5);
    client_.exit();
    ASSERT_EQ(host_.unload(), host::UnloadResult::kUnloaded);
    ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
    Client client(host_);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    // The exit of the first client and whatever else this load saw; nothing of the five before.
    for (const ProcessEvent& event : events_in(client.pull(1 << 20).bytes)) {
        EXPECT_LT(event.payload.ProcessId, kFirstFreePid);
    }
}

// An agent of the classic design, which knows the pull protocol and nothing else: none of include/aegis is used. What
// is told of a process beside its events it prints as what it does not know, and goes on.
struct Part2Agent {
    TestHost& host;
    host::Process& process;
    host::ProcessHandle device;
    std::vector<std::string> lines;

    template <class T>
    static T field(const std::vector<std::byte>& buffer, std::size_t offset) {
        T value;
        std::memcpy(&value, buffer.data() + offset, sizeof(T));
        return value;
    }

    static std::string narrow(const std::vector<std::byte>& buffer, std::size_t offset, std::size_t units) {
        std::string text;
        for (std::size_t i = 0; i < units; ++i) {
            text += static_cast<char>(field<std::uint16_t>(buffer, offset + 2 * i));
        }
        return text;
    }

    // One poll: reads until the driver has nothing queued.
    void poll() {
        std::vector<std::byte> buffer(std::size_t{1120} * 8);
        for (;;) {
            const host::IoResult io = host->device_control(process, device, 0x226000, {}, buffer);
            ASSERT_EQ(io.status, STATUS_SUCCESS);
            if (io.information == 0) {
                return;
            }
            for (std::size_t at = 0; at < io.information; at += field<std::uint16_t>(buffer, at)) {
                print(buffer, at);
            }
        }
    }

    void print(const std::vector<std::byte>& buffer, std::size_t at) {
        const auto number = [&](std::size_t offset) { return field<std::uint32_t>(buffer, offset); };
        const std::size_t payload = at + 16;
        std::string line = fmt::format("#{}", number(at + 4));
        switch (field<std::uint16_t>(buffer, at + 2)) {
            case 1:
                ASSERT_EQ(field<std::uint16_t>(buffer, at), 16 + 1040);
                line += fmt::format(" CREATE pid={} ppid={} creator={} {}{}", number(payload), number(payload + 4),
                                    number(payload + 8),
                                    narrow(buffer, payload + 16, field<std::uint16_t>(buffer, payload + 12)),
                                    field<std::uint8_t>(buffer, payload + 14) != 0 ? "" : " [partial-name]");
                break;
            case 2:
                ASSERT_EQ(field<std::uint16_t>(buffer, at), 16 + 1040);
                line += fmt::format(" EXIT pid={}", number(payload));
                break;
            default:
                line += fmt::format(" type={} ({} bytes)", field<std::uint16_t>(buffer, at + 2),
                                    field<std::uint16_t>(buffer, at));
        }
        lines.push_back(line);
    }
};

TEST_F(Pull, ServesAPart2AgentUnchanged) {
    Part2Agent agent{host_, client_.process(), client_.device(), {}};
    agent.poll();
    activity_.create(kFirstFreePid, u"\\Device\\HarddiskVolume1\\Windows\\System32\\cmd.exe", true, 700, 700);
    activity_.create(kFirstFreePid + 1, u"C:\\a.exe", false, 4, 700);
    agent.poll();
    activity_.exit(kFirstFreePid);
    activity_.exit(kFirstFreePid + 1);
    agent.poll();
    agent.poll();
    EXPECT_EQ(agent.lines,
              (std::vector<std::string>{
                  "#1 type=10 (1080 bytes)",
                  "#2 CREATE pid=8388608 ppid=700 creator=700 \\Device\\HarddiskVolume1\\Windows\\System32\\cmd.exe",
                  "#3 type=10 (1080 bytes)", "#4 CREATE pid=8388609 ppid=4 creator=700 C:\\a.exe [partial-name]",
                  "#5 type=10 (1080 bytes)", "#6 EXIT pid=8388608", "#7 type=10 (1080 bytes)", "#8 EXIT pid=8388609"}));
}

// Catches: a cut that such an agent cannot see, or that takes the program's name from it.
TEST_F(Pull, ShowsAPart2AgentTheNameBehindALongPath) {
    Part2Agent agent{host_, client_.process(), client_.device(), {}};
    activity_.create(kFirstFreePid, u"C:\\" + std::u16string(600, u'a') + u"\\evil.exe", true, 4, 4);
    agent.poll();
    EXPECT_EQ(agent.lines,
              (std::vector<std::string>{"#1 type=10 (1080 bytes)",
                                        "#2 CREATE pid=8388608 ppid=4 creator=4 C:\\" + std::string(125, 'a') + "..." +
                                            std::string(369, 'a') + "\\evil.exe [partial-name]"}));
}

}  // namespace
}  // namespace aegis::test
