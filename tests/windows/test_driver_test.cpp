// AegisMonTest.sys, loaded: the same driver with a test interface that publishes, so that its events can be pulled.
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "aegis/ioctl.h"
#include "control_device.hpp"
#include "driver_service.hpp"
#include "synthetic_events.hpp"

namespace aegis::windows_test {
namespace {

constexpr std::size_t kPullBytes = 65536;

struct PulledEvent {
    AEGIS_EVENT_HEADER header;
    AEGIS_PROCESS_PAYLOAD payload;
};
static_assert(sizeof(PulledEvent) == AEGIS_PROCESS_EVENT_SIZE);

// The events of one pull, walked by Size as a Part 2 agent does. A buffer that does not add up yields a failure.
std::vector<PulledEvent> events_of(const ControlReply& reply) {
    EXPECT_EQ(reply.status, kStatusSuccess);
    std::vector<PulledEvent> events;
    for (std::size_t offset = 0; offset < reply.data.size(); offset += AEGIS_PROCESS_EVENT_SIZE) {
        PulledEvent event{};
        std::memcpy(&event, reply.data.data() + offset, std::min(sizeof(event), reply.data.size() - offset));
        EXPECT_EQ(event.header.Size, AEGIS_PROCESS_EVENT_SIZE) << "at " << offset;
        if (event.header.Size != AEGIS_PROCESS_EVENT_SIZE) {
            break;
        }
        events.push_back(event);
    }
    return events;
}

std::vector<PulledEvent> pull(ControlDevice& device, std::size_t bytes = kPullBytes) {
    return events_of(device.control(AEGIS_IOCTL_GET_EVENTS, {}, bytes));
}

std::vector<PulledEvent> pull_all(ControlDevice& device) {
    std::vector<PulledEvent> all;
    for (auto some = pull(device); !some.empty(); some = pull(device)) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

std::uint64_t now() {
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    return std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
}

class TestDriver : public testing::Test {
  protected:
    DriverService service_{"AegisMonTest", "AegisMonTest.sys"};
};

// Catches: a payload field in the wrong place, a path with its terminator, garbage after the path or in an exit event,
// a compact event handed out by pull, a timestamp in another unit or epoch.
TEST_F(TestDriver, PullHandsOutFullEventsInPublishOrder) {
    service_.start();
    ControlDevice device;
    const auto before = static_cast<std::int64_t>(now());
    ASSERT_EQ(publish_pairs(device, 10, 1000), kStatusSuccess);
    const auto after = static_cast<std::int64_t>(now());
    const auto events = pull(device);
    ASSERT_EQ(events.size(), 20U);

    AEGIS_PROCESS_PAYLOAD expected;
    std::int64_t last_time = 0;
    for (std::uint32_t i = 0; i < 20; ++i) {
        const AEGIS_EVENT_HEADER& header = events[i].header;
        EXPECT_EQ(header.Sequence, i + 1);
        EXPECT_EQ(header.Type, i % 2 == 0 ? AEGIS_EVENT_PROCESS_CREATE : AEGIS_EVENT_PROCESS_EXIT);
        EXPECT_GE(header.Timestamp, last_time);
        last_time = header.Timestamp;

        std::memset(&expected, 0, sizeof(expected));
        expected.ProcessId = 1000 + i / 2;
        if (i % 2 == 0) {
            const std::u16string path = kSyntheticNtPath;
            expected.ParentProcessId = 4;
            expected.CreatingProcessId = i / 2 == 9 ? 8 : 4;
            expected.ImagePathLength = static_cast<std::uint16_t>(path.size());
            expected.ImagePathExact = 1;
            std::memcpy(expected.ImagePath, path.data(), path.size() * sizeof(char16_t));
        }
        EXPECT_EQ(std::memcmp(&events[i].payload, &expected, sizeof(expected)), 0) << "event " << i + 1;
    }
    // Two clocks of one system, one of them with the precision of its tick.
    constexpr std::int64_t kSecond = 10'000'000;
    EXPECT_GE(events.front().header.Timestamp, before - kSecond);
    EXPECT_LE(events.back().header.Timestamp, after + kSecond);
}

// Catches: a pull that splits an event, stops early, or repeats one.
TEST_F(TestDriver, PullFillsTheBufferWithWholeEventsAndGoesOn) {
    service_.start();
    ControlDevice device;
    ASSERT_EQ(publish_pairs(device, 4, 1), kStatusSuccess);
    EXPECT_EQ(pull(device, AEGIS_MAX_EVENT_SIZE).size(), 1U);
    EXPECT_EQ(pull(device, 3 * AEGIS_PROCESS_EVENT_SIZE + 1055).size(), 3U);
    const auto rest = pull(device);
    ASSERT_EQ(rest.size(), 4U);
    EXPECT_EQ(rest.front().header.Sequence, 5U);
    EXPECT_TRUE(pull(device).empty());
}

// Catches: a cursor that handles share, or one that starts at the newest event.
TEST_F(TestDriver, EveryHandleSeesEveryEvent) {
    service_.start();
    ControlDevice early;
    ASSERT_EQ(publish_pairs(early, 5, 1), kStatusSuccess);
    ControlDevice late;
    EXPECT_EQ(pull_all(early).size(), 10U);
    EXPECT_EQ(pull_all(late).size(), 10U);
}

// Catches: drop-newest, a lost count that does not add up, a gap that the sequence does not show.
TEST_F(TestDriver, OverflowDropsTheOldestAndAccountsForEach) {
    service_.set_ring_kib(64);
    service_.start();
    ControlDevice device;
    EXPECT_TRUE(pull(device).empty());
    ASSERT_EQ(publish_pairs(device, 100, 1), kStatusSuccess);
    const auto events = pull_all(device);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().header.Sequence, 200U);
    for (std::size_t i = 1; i < events.size(); ++i) {
        ASSERT_EQ(events[i].header.Sequence, events[i - 1].header.Sequence + 1);
    }
    const AEGIS_QUERY_REPLY reply = device.query();
    EXPECT_EQ(reply.Published, 200U);
    EXPECT_EQ(reply.Consumers[0].Transport, AEGIS_TRANSPORT_PULL);
    EXPECT_EQ(reply.Consumers[0].ProcessId, GetCurrentProcessId());
    EXPECT_EQ(reply.Consumers[0].Cursor, 200U);
    EXPECT_EQ(reply.Consumers[0].Lag, 0U);
    EXPECT_EQ(reply.Consumers[0].Lost + events.size(), 200U);
    EXPECT_EQ(reply.Consumers[0].Lost + 1, events.front().header.Sequence);
}

// Catches: events or a sequence that survive an unload.
TEST_F(TestDriver, AReloadedDriverStartsOver) {
    for (int load = 0; load < 2; ++load) {
        service_.start();
        {
            ControlDevice device;
            ASSERT_EQ(publish_pairs(device, 1, 1), kStatusSuccess);
            const auto events = pull(device);
            ASSERT_EQ(events.size(), 2U);
            EXPECT_EQ(events.front().header.Sequence, 1U);
        }
        service_.stop();
    }
}

}  // namespace
}  // namespace aegis::windows_test
