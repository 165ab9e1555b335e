// What keeps a watch from sleeping.

#include "agent/client/doorbell_watch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "aegis/ring/producer.hpp"
#include "agent/client/loss_watch.hpp"
#include "support/zeroed_region.hpp"

namespace aegis {
namespace {

using client::DoorbellWatch;
using client::WaitStatus;

// A device that is only slept on: counts the sleeps, and does what happens meanwhile.
class Bed final : public client::Device {
  public:
    client::IoResult control(std::uint32_t, std::span<const std::byte>, std::span<std::byte>,
                             std::chrono::nanoseconds) override {
        return {};
    }
    std::uint64_t event_handle() const override { return 0; }
    WaitStatus wait(client::Timeout) override {
        ++sleeps;
        return meanwhile ? meanwhile() : WaitStatus::kTimeout;
    }
    std::string describe(std::uint32_t) const override { return {}; }
    WaitStatus look() override { return WaitStatus::kTimeout; }
    void interrupt() override {}
    void resume() override {}
    bool driver_is_stopping() const override { return false; }
    std::uint64_t stop_signal() const override { return 0; }
    std::uint32_t process_id() const override { return 0; }

    std::function<WaitStatus()> meanwhile;
    int sleeps = 0;
};

class DoorbellWatchTest : public testing::Test {
  protected:
    DoorbellWatch::Outcome sleep(std::uint64_t batch) {
        using Word = ring::DoorbellListener<>::Word;
        auto* page = reinterpret_cast<AEGIS_CONSUMER_PAGE*>(page_.data());
        DoorbellWatch watch(bed_, group_,
                            {reinterpret_cast<Word*>(&page->WakeAt), reinterpret_cast<Word*>(&page->Cursor)}, losses_,
                            batch);
        const DoorbellWatch::Outcome outcome = watch.sleep(std::nullopt);
        EXPECT_EQ(page->WakeAt, AEGIS_WAKE_NEVER) << "left armed";
        return outcome;
    }

    test::FormattedRegion region_{64};
    test::ZeroedRegion page_{AEGIS_CONSUMER_PAGE_BYTES};
    ring::Producer<> producer_{region_.memory()};
    ring::ConsumerGroup<> group_{region_.memory(), {}};
    client::LossWatch losses_{{0, 0, 0, 0}};
    Bed bed_;
};

// The loss is counted after the worker's last look at the counters and before its bell is armed: nobody rings for it.
// Catches: the look between arming and sleeping left out.
TEST_F(DoorbellWatchTest, ALossThatIsNotToldYetIsNotSleptOver) {
    EXPECT_EQ(sleep(1), DoorbellWatch::Outcome::kWoken);
    EXPECT_EQ(bed_.sleeps, 1);
    producer_.count_lost(AEGIS_LOST_SOURCE, 5);
    EXPECT_EQ(sleep(1), DoorbellWatch::Outcome::kLookAgain);
    EXPECT_EQ(sleep(8), DoorbellWatch::Outcome::kLookAgain);
    EXPECT_EQ(bed_.sleeps, 1);
    losses_.take(client::loss_counters(group_.memory()));
    EXPECT_EQ(sleep(1), DoorbellWatch::Outcome::kWoken);
    EXPECT_EQ(bed_.sleeps, 2);
}

// Catches: a bell that rang for a loss taken for one that rang too early for its batch.
TEST_F(DoorbellWatchTest, ALossEndsTheWaitForABatch) {
    bed_.meanwhile = [this] {
        if (bed_.sleeps > 1) {
            return WaitStatus::kTimeout;
        }
        producer_.count_lost(AEGIS_LOST_OVERSIZE);
        return WaitStatus::kSignalled;
    };
    EXPECT_EQ(sleep(8), DoorbellWatch::Outcome::kWoken);
    EXPECT_EQ(bed_.sleeps, 1);
}

}  // namespace
}  // namespace aegis
