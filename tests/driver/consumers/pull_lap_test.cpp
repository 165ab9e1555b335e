// A pull whose reader is overtaken at every single step, as by producers that never pause.
//
// The ring's cells are protected, so that each look at one faults; the fault lets a producer publish more events than
// the ring holds before the look goes on.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csignal>
#include <cstdint>
#include <semaphore>
#include <thread>
#include <vector>

#include "channel/ring_channel.hpp"
#include "consumers/pull_cursor.hpp"
#include "driver/host/executive/executive.hpp"

namespace aegis::test {
namespace {

constexpr std::uint32_t kCells = 341;  // 16 pages
constexpr std::size_t kPage = 4096;
// A pull that would go on for ever ends here.
constexpr unsigned kMaxLooks = 1000;

class LappedPull : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(channel_.create(kCells), STATUS_SUCCESS);
        cursor_.initialize(channel_.memory());
        publish(1);
        cells_ = static_cast<std::byte*>(channel_.region()) + AEGIS_RING_HEADER_BYTES;
        bytes_ = channel_.region_bytes() - AEGIS_RING_HEADER_BYTES;
        g_test = this;
        struct sigaction action {};
        action.sa_sigaction = on_look;
        action.sa_flags = SA_SIGINFO;
        ASSERT_EQ(::sigaction(SIGSEGV, &action, &before_), 0);
        producer_ = std::thread([this] {
            for (overtake_.acquire(); !stop_; overtake_.acquire()) {
                publish(kCells + kCells / 2);
                overtaken_.release();
            }
        });
    }

    void TearDown() override {
        protect(cells_, bytes_, PROT_READ | PROT_WRITE);
        ::sigaction(SIGSEGV, &before_, nullptr);
        stop_ = true;
        overtake_.release();
        producer_.join();
        channel_.destroy();
    }

    static void protect(std::byte* address, std::size_t bytes, int protection) {
        ASSERT_EQ(::mprotect(address, bytes, protection), 0);
    }

    void publish(unsigned count) {
        const std::uint64_t payload = 0;
        for (unsigned i = 0; i < count; ++i) {
            channel_.publish(AEGIS_EVENT_FILE_OP, 0, &payload, sizeof(payload));
        }
    }

    // `page` is another than that of the cell at which the reader resumes: each lap is a look or more.
    void let_overtake(std::byte* page) {
        protect(cells_, bytes_, PROT_READ | PROT_WRITE);
        if (++looks_ == kMaxLooks) {
            return;
        }
        overtake_.release();
        overtaken_.acquire();
        protect(cells_, bytes_, PROT_NONE);
        protect(page, kPage, PROT_READ | PROT_WRITE);
    }

    static void on_look(int /*signal*/, siginfo_t* info, void* /*context*/) {
        const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
        g_test->let_overtake(reinterpret_cast<std::byte*>(address & ~(kPage - 1)));
    }

    static inline LappedPull* g_test = nullptr;
    host::Executive executive_{{}};
    driver::RingChannel channel_;
    driver::PullCursor cursor_;
    std::byte* cells_ = nullptr;
    std::size_t bytes_ = 0;
    unsigned looks_ = 0;
    std::binary_semaphore overtake_{0};
    std::binary_semaphore overtaken_{0};
    bool stop_ = false;  // handed over with overtake_
    std::thread producer_;
    struct sigaction before_ {};
};

// Catches: a read that tries for as long as it is overtaken.
TEST_F(LappedPull, GivesUpAndComesBackEmpty) {
    std::vector<std::byte> output(AEGIS_MAX_EVENT_SIZE);
    protect(cells_, bytes_, PROT_NONE);
    EXPECT_EQ(cursor_.pull(output.data(), output.size()), 0U);
    EXPECT_GT(looks_, 1U);
    EXPECT_LT(looks_, 100U);
    // Left alone it goes on where it was, and has counted what it missed.
    protect(cells_, bytes_, PROT_READ | PROT_WRITE);
    std::uint64_t read = 0;
    while (cursor_.pull(output.data(), output.size()) != 0) {
        ++read;
    }
    AEGIS_CONSUMER_INFO row{};
    ASSERT_TRUE(cursor_.describe(channel_.counters().published, &row));
    EXPECT_EQ(row.Lag, 0U);
    EXPECT_EQ(read + row.Lost, channel_.counters().published);
}

}  // namespace
}  // namespace aegis::test
