// The walks over the sensors, with made-up ones: which start, which are stopped and in which order, what is said of
// them.

#include "sensors/sensor_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/executive/executive.hpp"

namespace aegis::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> g_heard;
driver::SensorContext g_started_with{};
bool g_second_fails = false;
driver::CallbackHealth g_health[3];

template <int kNumber>
NTSTATUS start(const driver::SensorContext& context) {
    g_heard.push_back("start " + std::to_string(kNumber));
    g_started_with = context;
    const NTSTATUS status = kNumber == 2 && g_second_fails ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
    g_health[kNumber - 1].registered(status, kNumber);
    return status;
}

template <int kNumber>
void stop() {
    g_heard.push_back("stop " + std::to_string(kNumber));
}

constexpr driver::Sensor kFirst{"first sensor", 11, 1U << 3, start<1>, stop<1>, &g_health[0]};
constexpr driver::Sensor kSecond{"second sensor", 12, 1U << 4, start<2>, stop<2>, &g_health[1]};
constexpr driver::Sensor kThird{"third sensor", 13, 1U << 5, start<3>, stop<3>, &g_health[2]};
constexpr const driver::Sensor* kThree[] = {&kFirst, &kSecond, &kThird};

class SensorTable : public testing::Test {
  protected:
    void SetUp() override {
        g_heard.clear();
        g_second_fails = false;
    }

    std::vector<std::string> heard() { return std::exchange(g_heard, {}); }

    std::vector<AEGIS_CALLBACK_HEALTH> rows() {
        std::vector<AEGIS_CALLBACK_HEALTH> all(AEGIS_MAX_CALLBACKS);
        all.resize(static_cast<std::size_t>(table_.describe(all.data()) - all.data()));
        return all;
    }

    host::ExecutiveOptions keep_debug_lines() {
        host::ExecutiveOptions options;
        options.debug_print = [this](ULONG, std::string_view line) { debug_lines_.emplace_back(line); };
        return options;
    }

    std::vector<std::string> debug_lines_;
    host::Executive executive_{keep_debug_lines()};
    driver::RingChannel channel_;
    driver::SystemClock clock_;
    driver::PolicyStore policies_;
    driver::SensorContext context_{&channel_, &clock_, &policies_, nullptr};
    driver::SensorTable table_;
};

// Catches: stop() from the front; a sensor that is stopped twice; another context than the load's.
TEST_F(SensorTable, StartsInOrderAndStopsBackwards) {
    table_.start(kThree, context_);
    EXPECT_THAT(heard(), ElementsAre("start 1", "start 2", "start 3"));
    EXPECT_EQ(g_started_with.channel, &channel_);
    EXPECT_EQ(g_started_with.clock, &clock_);
    EXPECT_EQ(g_started_with.policies, &policies_);
    table_.stop();
    EXPECT_THAT(heard(), ElementsAre("stop 3", "stop 2", "stop 1"));
    table_.stop();
    EXPECT_THAT(heard(), IsEmpty());
    EXPECT_THAT(debug_lines_, IsEmpty());
}

// Partial protection. Catches: a walk that ends at the first failure; a stop of what never started; a failure that
// nobody is told of, or of which the wrong sensor is told.
TEST_F(SensorTable, GoesOnWithoutOneThatCannotStart) {
    g_second_fails = true;
    table_.start(kThree, context_);
    EXPECT_THAT(heard(), ElementsAre("start 1", "start 2", "start 3"));
    EXPECT_THAT(debug_lines_,
                ElementsAre("AegisMon: cannot register the second sensor, going on without it: 0xc0000022"));
    const std::vector<AEGIS_CALLBACK_HEALTH> described = rows();
    ASSERT_EQ(described.size(), 3U);
    for (std::uint32_t i = 0; i < 3; ++i) {
        EXPECT_EQ(described[i].Kind, 11 + i);
        EXPECT_EQ(described[i].Registered, i == 1 ? 0U : 1U) << i;
        EXPECT_EQ(described[i].Status, i == 1 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS) << i;
        EXPECT_EQ(described[i].Flags, i + 1) << i;
    }
    table_.stop();
    EXPECT_THAT(heard(), ElementsAre("stop 3", "stop 1"));
}

// Catches: a sensor that is registered after it was stopped; counts or failures of one load that show in the next.
TEST_F(SensorTable, EachLoadStartsOver) {
    g_second_fails = true;
    table_.start(kThree, context_);
    g_health[0].count(driver::Outcome::kPublished, 5);
    table_.stop();
    for (const AEGIS_CALLBACK_HEALTH& row : rows()) {
        EXPECT_EQ(row.Registered, 0U) << row.Kind;
    }
    g_second_fails = false;
    heard();
    table_.start(kThree, context_);
    for (const AEGIS_CALLBACK_HEALTH& row : rows()) {
        EXPECT_EQ(row.Registered, 1U) << row.Kind;
        EXPECT_EQ(row.Seen, 0U) << row.Kind;
        EXPECT_EQ(row.LastEventTime, 0) << row.Kind;
    }
    table_.stop();
    EXPECT_THAT(heard(), ElementsAre("start 1", "start 2", "start 3", "stop 3", "stop 2", "stop 1"));
}

TEST_F(SensorTable, WithoutSensorsDoesNothing) {
    table_.start({}, context_);
    EXPECT_THAT(rows(), IsEmpty());
    table_.stop();
    EXPECT_THAT(heard(), IsEmpty());
}

// The agent tells sensors apart by their kind, the debug output by their name.
// Catches: a row of the table copied and half changed.
TEST_F(SensorTable, EverySensorOfTheDriverIsComplete) {
    std::set<std::uint32_t> kinds{0, AEGIS_CALLBACK_OWNER_EXIT};
    std::set<std::string_view> names;
    std::set<const driver::CallbackHealth*> healths;
    for (const driver::Sensor* sensor : driver::all_sensors()) {
        EXPECT_TRUE(kinds.insert(sensor->kind).second) << sensor->kind;
        EXPECT_TRUE(names.insert(sensor->name.text).second) << sensor->name.text;
        EXPECT_TRUE(healths.insert(sensor->health).second) << sensor->name.text;
        EXPECT_NE(sensor->start, nullptr);
        EXPECT_NE(sensor->stop, nullptr);
    }
    EXPECT_EQ(names.size(), driver::all_sensors().size());
}

}  // namespace
}  // namespace aegis::test
