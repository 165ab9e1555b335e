// Which thread goes on, and which of its ways it takes.

#include "explorer/explorer.hpp"

namespace aegis::model {

Fiber& Explorer::end(Ending ending) {
    ending_ = ending;
    current_ = main_thread();
    return main_;
}

Fiber& Explorer::grant(const Alternative& alternative) {
    Thread& thread = threads_[alternative.thread];
    last_granted_ = alternative.thread;
    thread.chosen = alternative.option;
    thread.asleep_since = 0;
    current_ = alternative.thread;
    return *thread.fiber;
}

// A thread other than `thread` that is in `mask` has not ended.
bool Explorer::others_may(ThreadId thread, std::uint32_t mask) const {
    for (ThreadId id = 0; id < thread_count_; ++id) {
        if (id != thread && !threads_[id].ended && (mask >> id & 1U) != 0) {
            return true;
        }
    }
    return false;
}

// Whether the thread's next operation can run now without loss: whatever the others do first, it could as well be
// done before it.
bool Explorer::is_mover(ThreadId thread) const {
    const Operation& operation = threads_[thread].pending;
    if (operation.action == Action::kStart) {
        return true;
    }
    if (!options_->reduce || trail_.is_random()) {
        return false;
    }
    switch (operation.action) {
        case Action::kStore:
        case Action::kUnlock:
            return true;
        case Action::kFence:
            return operation.order != std::memory_order_seq_cst || !others_may(thread, ~0U);
        case Action::kLoad:
        case Action::kExchange:
        case Action::kFetchAdd:
        case Action::kCompareExchange:
            return !others_may(thread, writers_[operation.object]);
        default:
            return !others_may(thread, ~0U);
    }
}

void Explorer::add_if_awake(ThreadId thread, Option option, std::uint32_t born, std::size_t& possible) {
    ++possible;
    if (born >= threads_[thread].asleep_since) {
        alternatives_.push_back({thread, option});
    }
}

// Adds the ways that are possible and were not explored before the thread fell asleep. Returns how many are possible.
std::size_t Explorer::add_alternatives(ThreadId thread) {
    const Operation& operation = threads_[thread].pending;
    std::size_t possible = 0;
    switch (operation.action) {
        case Action::kStart:
        case Action::kUnlock:
            add_if_awake(thread, 0, 0, possible);
            break;
        case Action::kFence:
            // Its place among the sequentially consistent fences is new after each of them.
            add_if_awake(thread, 0, last_sc_fence_, possible);
            break;
        case Action::kSignal:
            add_if_awake(thread, 0, events_[operation.object].taken_at, possible);
            break;
        case Action::kWait: {
            const Event& event = events_[operation.object];
            if (event.signalled) {
                add_if_awake(thread, kTakeSignal, event.signalled_at, possible);
            }
            if (operation.operand != 0) {
                add_if_awake(thread, kEndEarly, 0, possible);
            }
            break;
        }
        case Action::kLock:
            if (!mutexes_[operation.object].locked) {
                add_if_awake(thread, 0, mutexes_[operation.object].unlocked_at, possible);
            }
            break;
        default: {
            const auto& messages = memory_.messages(operation.object);
            for (std::size_t i = memory_.first_visible(thread, operation.object); i < messages.size(); ++i) {
                const bool writes =
                    operation.action != Action::kLoad &&
                    (operation.action != Action::kCompareExchange || messages[i].value == operation.expected);
                if (!writes || memory_.can_write_after(operation.object, i)) {
                    add_if_awake(thread, static_cast<Option>(i), messages[i].step, possible);
                }
            }
            break;
        }
    }
    return possible;
}

const Explorer::Alternative& Explorer::draw() {
    return trail_.is_random() ? draw_at_random() : alternatives_[trail_.choose(alternatives_.size())];
}

// First the thread, then its way: otherwise a load with many values to see would always win. Threads run in bursts
// and loads tend to see the newest value, as on a machine; uniform choices would hardly ever get an event across.
const Explorer::Alternative& Explorer::draw_at_random() {
    std::size_t firsts[kMaxThreads + 1] = {};
    std::size_t threads = 0;
    for (std::size_t i = 0; i < alternatives_.size(); ++i) {
        if (i == 0 || alternatives_[i].thread != alternatives_[i - 1].thread) {
            firsts[threads++] = i;
        }
    }
    firsts[threads] = alternatives_.size();
    const std::size_t drawn = draw_thread(firsts, threads);
    const std::size_t ways = firsts[drawn + 1] - firsts[drawn];
    constexpr std::uint64_t kNewestPercent = 50;
    return alternatives_[firsts[drawn] + (trail_.chance(kNewestPercent) ? ways - 1 : trail_.choose(ways))];
}

std::size_t Explorer::draw_thread(const std::size_t* firsts, std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) {
        if (alternatives_[firsts[i]].thread == last_granted_ && trail_.chance(burst_percent_)) {
            return i;
        }
    }
    return trail_.choose(threads);
}

Fiber& Explorer::next() {
    alternatives_.clear();
    for (ThreadId id = 0; id < thread_count_; ++id) {
        if (threads_[id].ended || !is_mover(id)) {
            continue;
        }
        const std::size_t possible = add_alternatives(id);
        if (possible == 0) {
            continue;
        }
        // Nothing the others do gives a mover another way, so if all its ways were explored, all that follows was.
        return alternatives_.empty() ? end(Ending::kCut) : grant(draw());
    }

    bool all_ended = true;
    bool all_wait = true;
    for (ThreadId id = 0; id < thread_count_; ++id) {
        if (!threads_[id].ended) {
            all_ended = false;
            all_wait = add_alternatives(id) == 0 && all_wait;
        }
    }
    if (all_ended || (all_wait && program_->may_end_waiting())) {
        return end(Ending::kComplete);
    }
    if (all_wait) {
        fail("every thread that has not ended waits");
        return end(Ending::kFailed);
    }
    if (alternatives_.empty()) {
        return end(Ending::kCut);
    }
    const Alternative chosen = draw();
    if (options_->reduce && !trail_.is_random()) {
        // What comes before in the list was explored from here, or will not be chosen: all of it in other executions.
        for (ThreadId id = 0; id < chosen.thread; ++id) {
            threads_[id].asleep_since = trace_.next_step();
        }
    }
    return grant(chosen);
}

}  // namespace aegis::model
