// Three ways to write a seqlock that are in print and wrong, each in a ring of two slots. None of them shows on x86;
// each must fail here, and the same ring with both fences must not.
//
// Why they fail: H. Boehm, "Can Seqlocks Get Along with Programming Language Memory Models?" (2012).

#include <gmock/gmock.h>

#include <array>
#include <memory>

#include "explorer/atomics.hpp"
#include "explorer/explorer.hpp"

namespace aegis::model {
namespace {

using testing::HasSubstr;

using Word = ModelAtomics::Atomic<std::uint64_t>;

struct Slot {
    Word version;
    std::array<Word, 2> data;
};

// A release store keeps what precedes it behind nothing: the data may become visible before the odd mark.
struct OddMarkByReleaseStore {
    static void begin(Slot& slot, std::uint64_t odd) { slot.version.store(odd, std::memory_order_release); }
};

// The write half of the exchange is a release store, no more; its strength lies on the other side.
struct OddMarkByExchange {
    static void begin(Slot& slot, std::uint64_t odd) { slot.version.exchange(odd, std::memory_order_seq_cst); }
};

struct OddMarkWithFence {
    static void begin(Slot& slot, std::uint64_t odd) {
        slot.version.store(odd, std::memory_order_relaxed);
        ModelAtomics::fence(std::memory_order_release);
    }
};

// An acquire load keeps what follows it behind itself, not what precedes it.
struct SecondLoadAcquires {
    static std::uint64_t look_again(const Slot& slot) { return slot.version.load(std::memory_order_acquire); }
};

struct SecondLoadBehindFence {
    static std::uint64_t look_again(const Slot& slot) {
        ModelAtomics::fence(std::memory_order_acquire);
        return slot.version.load(std::memory_order_relaxed);
    }
};

template <class OddMark, class SecondLook>
class TwoSlots : public Program {
  public:
    void run(ThreadId thread) override {
        for (std::uint64_t ticket = 0; ticket < kTickets; ++ticket) {
            Slot& slot = slots_[ticket % slots_.size()];
            if (thread == 0) {
                write(slot, ticket);
            } else {
                read(slot, ticket);
            }
        }
    }

  private:
    static constexpr std::uint64_t kTickets = 3;

    static void write(Slot& slot, std::uint64_t ticket) {
        OddMark::begin(slot, 2 * ticket + 1);
        for (Word& word : slot.data) {
            word.store(ticket + 1, std::memory_order_relaxed);
        }
        slot.version.store(2 * ticket + 2, std::memory_order_release);
    }

    static void read(const Slot& slot, std::uint64_t ticket) {
        if (slot.version.load(std::memory_order_acquire) != 2 * ticket + 2) {
            return;
        }
        const std::uint64_t first = slot.data[0].load(std::memory_order_relaxed);
        const std::uint64_t second = slot.data[1].load(std::memory_order_relaxed);
        if (SecondLook::look_again(slot) == 2 * ticket + 2) {
            Explorer::running().check(first == ticket + 1 && second == ticket + 1, "torn");
        }
    }

    std::array<Slot, 2> slots_;
};

template <class OddMark, class SecondLook>
Result explore() {
    Options options;
    options.threads = {"writer", "reader"};
    return Explorer::explore(options, [] { return std::make_unique<TwoSlots<OddMark, SecondLook>>(); });
}

TEST(PublishedSeqlocks, BothFencesAreRight) {
    const Result result = explore<OddMarkWithFence, SecondLoadBehindFence>();
    EXPECT_TRUE(result.passed) << result.failure;
}

TEST(PublishedSeqlocks, AnOddMarkByReleaseStoreIsWrong) {
    const Result result = explore<OddMarkByReleaseStore, SecondLoadBehindFence>();
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.failure, HasSubstr("torn"));
}

TEST(PublishedSeqlocks, AnOddMarkByExchangeIsWrong) {
    const Result result = explore<OddMarkByExchange, SecondLoadBehindFence>();
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.failure, HasSubstr("torn"));
}

TEST(PublishedSeqlocks, ASecondLookByAcquireLoadIsWrong) {
    const Result result = explore<OddMarkWithFence, SecondLoadAcquires>();
    EXPECT_FALSE(result.passed);
    EXPECT_THAT(result.failure, HasSubstr("torn"));
}

}  // namespace
}  // namespace aegis::model
