// When the driver rings, and what a consumer can do to it through its page.

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "aegis/ring/doorbell.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "support/seed.hpp"

namespace aegis::test {
namespace {

class Doorbell : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(host_.load_small(), STATUS_SUCCESS);
        ASSERT_EQ(client_.open(), STATUS_SUCCESS);
        event_ = client_.create_event();
        setup_ = client_.setup(event_.handle);
        ASSERT_EQ(setup_.status, STATUS_SUCCESS);
        page_ = consumer_page_of(setup_.reply);
    }

    // One event, as a thread's start is.
    void publish() {
        host::ThreadCreation thread;
        thread.pid = kFirstFreePid;
        thread.tid = next_tid_++;
        activity_.create_thread(thread);
    }

    std::uint64_t wakeups() { return client_.query().reply->WakeupsSent; }

    TestHost host_;
    Activity activity_{host_};
    Client client_{host_};
    host::EventResult event_;
    SetupResult setup_{};
    AEGIS_CONSUMER_PAGE* page_ = nullptr;
    std::uint32_t next_tid_ = kFirstFreePid + 4;
};

TEST_F(Doorbell, RingsOnceWhenItIsDueAndDisarms) {
    page_->WakeAt = 3;
    publish();
    publish();
    EXPECT_FALSE(client_.take_signal(event_));
    EXPECT_EQ(page_->WakeAt, 3U);
    publish();
    EXPECT_TRUE(client_.take_signal(event_));
    EXPECT_EQ(page_->WakeAt, AEGIS_WAKE_NEVER);
    publish();
    EXPECT_FALSE(client_.take_signal(event_));
    EXPECT_EQ(wakeups(), 1U);
    EXPECT_EQ(client_.query().reply->Consumers[0].Wakeups, 1U);
}

// On NT the publisher takes as long as its signals have waiters.
// Catches: a second signal of a bell during one publication.
TEST_F(Doorbell, OnePublicationSignalsEachConsumerOnce) {
    std::vector<std::unique_ptr<Client>> others;
    page_->WakeAt = 1;
    while (others.size() + 1 < AEGIS_MAX_CONSUMERS) {
        others.push_back(std::make_unique<Client>(host_));
        ASSERT_EQ(others.back()->open(), STATUS_SUCCESS);
        const SetupResult setup = others.back()->setup();
        ASSERT_EQ(setup.status, STATUS_SUCCESS);
        consumer_page_of(setup.reply)->WakeAt = 1;
    }
    publish();
    EXPECT_EQ(wakeups(), AEGIS_MAX_CONSUMERS);
    EXPECT_LE(host_->most_signals_in_a_hold(), AEGIS_MAX_CONSUMERS);
}

TEST_F(Doorbell, NeverRingsForAConsumerThatIsAwake) {
    for (int i = 0; i < 100; ++i) {
        publish();
    }
    EXPECT_FALSE(client_.take_signal(event_));
    EXPECT_EQ(wakeups(), 0U);
}

TEST_F(Doorbell, AManualResetEventStaysSignalled) {
    Client other(host_);
    ASSERT_EQ(other.open(), STATUS_SUCCESS);
    const host::EventResult event = other.create_event(NotificationEvent);
    const SetupResult setup = other.setup(event.handle);
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    consumer_page_of(setup.reply)->WakeAt = 1;
    publish();
    EXPECT_TRUE(other.take_signal(event));
    EXPECT_EQ(host_->reset_event(other.process(), event.handle), STATUS_SUCCESS);
    EXPECT_FALSE(other.take_signal(event));
}

// A consumer that reads, arms and sleeps gets everything, though the flood never waits for it.
// Catches: the bell rung before the event is complete, or not at all (the wait would time out).
TEST_F(Doorbell, AConsumerThatSleepsBetweenReadsMissesNothing) {
    constexpr std::uint64_t kEvents = 4000;
    std::thread flood([&] {
        for (std::uint64_t i = 0; i < kEvents; ++i) {
            publish();
        }
    });
    ring::RingMemory<> memory = ring_of(setup_.reply);
    ring::Consumer<> consumer(memory, {});
    using Word = ring::DoorbellListener<>::Word;
    ring::DoorbellListener<> bell(reinterpret_cast<Word*>(&page_->WakeAt), reinterpret_cast<Word*>(&page_->Cursor));
    ring::EventBuffer buffer;
    while (consumer.cursor() < kEvents) {
        if (consumer.read(buffer) != ring::ReadStatus::kEmpty) {
            continue;
        }
        if (bell.arm(memory, consumer.cursor(), 1)) {
            pollfd readable{event_.descriptor, POLLIN, 0};
            ASSERT_EQ(::poll(&readable, 1, 60'000), 1) << "a wakeup was lost at " << consumer.cursor();
            client_.take_signal(event_);
            bell.disarm();
        }
    }
    flood.join();
    EXPECT_EQ(consumer.delivered() + consumer.lost(), kEvents);
    EXPECT_EQ(wakeups(), client_.query().reply->Consumers[0].Wakeups);
}

// The page is a hint. Catches: an index, a length or an address taken from it.
TEST_F(Doorbell, WhateverAConsumerWritesHurtsNobodyElse) {
    Client victim(host_);
    ASSERT_EQ(victim.open(), STATUS_SUCCESS);
    const SetupResult setup = victim.setup();
    ASSERT_EQ(setup.status, STATUS_SUCCESS);
    std::atomic<bool> stop = false;
    std::thread scribbler([&] {
        Random random = random_stream(11);
        auto* words = reinterpret_cast<std::atomic<std::uint64_t>*>(page_);
        while (!stop.load(std::memory_order_relaxed)) {
            words[random.below(AEGIS_CONSUMER_PAGE_BYTES / 8)].store(random.next() >> random.below(64),
                                                                     std::memory_order_relaxed);
        }
    });
    ring::Consumer<> reader(ring_of(setup.reply), {});
    std::uint64_t read = 0;
    for (int i = 0; i < 500; ++i) {
        activity_.come_and_go(8);
        read += drain(reader).size();
    }
    stop.store(true, std::memory_order_relaxed);
    scribbler.join();
    EXPECT_EQ(read, 8000U);
    EXPECT_EQ(reader.lost(), 0U);
    EXPECT_EQ(consumer_page_of(setup.reply)->WakeAt, AEGIS_WAKE_NEVER);
    const QueryResult query = victim.query();
    EXPECT_EQ(query.reply->Published, 16000U) << "each with its details";
    for (const AEGIS_CONSUMER_INFO& row : query.reply->Consumers) {
        EXPECT_LE(row.Lag, 16000U);
    }
}

}  // namespace
}  // namespace aegis::test
