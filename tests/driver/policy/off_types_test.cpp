// Types that a policy switches off: they cost a load and a count, and every count has them.

#include <gtest/gtest.h>

#include <array>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kPid = kFirstFreePid;
constexpr std::array<std::uint16_t, 5> kTypes = {AEGIS_EVENT_PROCESS_CREATE, AEGIS_EVENT_PROCESS_EXIT,
                                                 AEGIS_EVENT_THREAD_CREATE, AEGIS_EVENT_THREAD_EXIT,
                                                 AEGIS_EVENT_IMAGE_LOAD};

class OffTypes : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    }

    static PolicyBuilder without(std::uint16_t type) { return PolicyBuilder().type(type, kOff); }
    void set(const PolicyBuilder& builder) { ASSERT_EQ(client_.set_policy(builder.blob()).status, STATUS_SUCCESS); }

    // One thing of each type.
    void everything_happens() {
        activity_.create(kPid, u"\\i\\x");
        host::ThreadCreation thread;
        thread.pid = kPid;
        thread.tid = kPid + 1;
        thread.creator = kPid;
        thread.creator_tid = kPid + 2;
        activity_.create_thread(thread);
        activity_.exit_thread({.pid = kPid, .tid = kPid + 1, .status = STATUS_SUCCESS, .timestamp = kActivityTime});
        host::ImageLoad image;
        image.pid = kPid;
        image.loader = kPid;
        image.loader_tid = kPid + 2;
        image.path = u"\\lib";
        activity_.load_image(image);
        activity_.exit(kPid);
    }

    std::uint64_t told_of(std::uint16_t type) {
        std::uint64_t count = 0;
        for (const ProcessEvent& event : events_in(client_.pull(1 << 20).bytes)) {
            count += event.header.Type == type ? 1 : 0;
        }
        return count;
    }

    // All sensors together.
    AEGIS_CALLBACK_HEALTH sum() {
        AEGIS_CALLBACK_HEALTH sum{};
        const auto reply = client_.query().reply;
        for (const std::uint32_t kind : {AEGIS_CALLBACK_PROCESS, AEGIS_CALLBACK_THREAD, AEGIS_CALLBACK_IMAGE}) {
            const AEGIS_CALLBACK_HEALTH row = callback_row(*reply, kind);
            EXPECT_EQ(row.Seen, row.Published + row.Filtered + row.Limited + row.Merged + row.Lost);
            sum.Seen += row.Seen;
            sum.Published += row.Published;
            sum.Filtered += row.Filtered;
        }
        return sum;
    }

    std::uint64_t filtered_by_policy(std::uint16_t type) { return client_.get_policy().reply->Types[type].Filtered; }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
};

// Catches: a sensor that does not ask about one of its types; another type's bit; a count that the row of the sensor,
// or the policy, does not have.
TEST_F(OffTypes, EachIsFilteredAloneAndCounted) {
    std::uint64_t seen = 0;
    std::uint64_t filtered = 0;
    for (const std::uint16_t type : kTypes) {
        set(without(type));
        everything_happens();
        seen += kTypes.size();
        filtered += 1;
        EXPECT_EQ(told_of(type), 0U) << type;
        EXPECT_EQ(sum().Seen, seen);
        EXPECT_EQ(sum().Filtered, filtered);
        for (const std::uint16_t other : kTypes) {
            EXPECT_EQ(filtered_by_policy(other), other == type ? 1U : 0U) << type << " " << other;
        }
    }
}

// Catches: counts of the policy before in those of the next; a bit that outlives its policy; a count of a load before.
TEST_F(OffTypes, CountsAreThoseOfThePolicyInForce) {
    set(without(AEGIS_EVENT_IMAGE_LOAD));
    everything_happens();
    everything_happens();
    EXPECT_EQ(filtered_by_policy(AEGIS_EVENT_IMAGE_LOAD), 2U);
    set(without(AEGIS_EVENT_IMAGE_LOAD));
    EXPECT_EQ(filtered_by_policy(AEGIS_EVENT_IMAGE_LOAD), 0U);
    everything_happens();
    EXPECT_EQ(filtered_by_policy(AEGIS_EVENT_IMAGE_LOAD), 1U);
    EXPECT_EQ(told_of(AEGIS_EVENT_IMAGE_LOAD), 0U);
    set(PolicyBuilder());
    everything_happens();
    EXPECT_EQ(told_of(AEGIS_EVENT_IMAGE_LOAD), 1U);
    EXPECT_EQ(sum().Filtered, 3U);
    client_.close();
    host_.unload();
    ASSERT_EQ(host_.load(), STATUS_SUCCESS);
    ASSERT_EQ(client_.open(), STATUS_SUCCESS);
    EXPECT_EQ(sum().Seen, 0U);
}

// Catches: a type that is off to its last refusal.
TEST_F(OffTypes, RefusalsOfATypeThatIsOffAreToldAllTheSame) {
    set(without(AEGIS_EVENT_PROCESS_CREATE).path(u"\\i", AEGIS_POLICY_REFUSE));
    EXPECT_EQ(activity_.create(kPid, u"\\i\\x"), STATUS_ACCESS_DENIED);
    EXPECT_EQ(told_of(AEGIS_EVENT_PROCESS_CREATE), 1U);
}

}  // namespace
}  // namespace aegis::test
