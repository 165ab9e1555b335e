// A stateless model checker: runs a small concurrent program under every schedule and with every value that the
// memory model (memory.hpp) lets each load see, or under random ones.
//
// Each modelled thread is a fiber that stops in front of every atomic operation. A program is built anew, run to its
// end and dropped, once per execution; the trail of choices says how the next execution differs.
//
// How few executions suffice: what counts is which write each load sees and where each write stands in modification
// order, not the interleaving. A store can be moved before or after whatever another thread does, since it may be
// placed anywhere in modification order and loads need not see it; so it runs as soon as its thread gets there.
// The same goes for a load from a location that no other running thread can write. Only the other operations are
// ordered by choice, and a thread whose ways have been explored at some point sleeps until one appears that was not
// possible there (sleep sets, Godefroid 1996, per option instead of per thread).
//
// Thread bodies own nothing: an execution that is cut short does not unwind their stacks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "explorer/fiber.hpp"
#include "explorer/memory.hpp"
#include "explorer/operation.hpp"
#include "explorer/trace.hpp"
#include "explorer/trail.hpp"

namespace aegis::model {

// One program. Constructed, with the atomics it shares, for each execution.
class Program {
  public:
    Program() = default;
    virtual ~Program() = default;
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // The body of one thread.
    virtual void run(ThreadId thread) = 0;

    // After the threads have ended; loads see everything.
    virtual void finish() {}

    // All threads that have not ended are waiting for events. True: that is no failure, and finish() follows.
    virtual bool may_end_waiting() const { return false; }
};

struct Options {
    std::vector<std::string> threads;  // their names, at most kMaxThreads
    Weakening weakening;
    std::uint64_t random_executions = 0;  // 0: all there are
    std::uint64_t seed = 1;               // of random executions
    bool reduce = true;                   // false: every interleaving, to check the reduction itself
    std::uint64_t max_executions = 50'000'000;
};

struct Result {
    bool passed = false;
    std::string failure;  // what was wrong, and the execution
    std::uint64_t executions = 0;
    std::uint64_t cut = 0;       // abandoned as equal to others
    std::uint64_t weakened = 0;  // operations that the weakening applied to
};

class Explorer {
  public:
    static constexpr std::size_t kMaxThreads = 4;

    // Runs the programs that `make` builds.
    static Result explore(const Options& options, const std::function<std::unique_ptr<Program>()>& make);

    // The one that is running; what the program's atomics talk to.
    static Explorer& running();

    // For the atomics and synchronisation objects. ---------------------------------------------------------------

    LocationId add_location(std::uint64_t initial);
    std::uint16_t add_event(bool orders_memory);
    std::uint16_t add_mutex();

    struct Outcome {
        std::uint64_t value = 0;  // loaded, or the kind of the wait's end
        bool wrote = false;
    };
    Outcome perform(Operation operation);

    // Whether exchanges are to be torn into load and store.
    bool splits_exchange() const { return options_->weakening.kind == Weakening::Kind::kSplitExchange; }
    void count_weakened() { ++result_.weakened; }

    // For programs. --------------------------------------------------------------------------------------------

    // Only these threads write the location; spares the explorer the orders that this rules out.
    void only_written_by(LocationId location, std::initializer_list<ThreadId> threads);
    void name(LocationId location, const LocationName& name) { names_[location] = name; }
    // Whoever touches the location from now on fails.
    void retire(LocationId location) { retired_[location] = true; }
    const Memory& memory() const { return memory_; }
    // Ends the execution as a failure unless `condition` holds.
    void check(bool condition, const char* message);
    // Shows up in the trace of a failure.
    void note(const char* text, std::uint64_t value);

  private:
    struct Thread {
        std::unique_ptr<Fiber> fiber;
        Operation pending;
        Option chosen = 0;
        bool ended = false;
        bool weakened = false;
        std::uint32_t asleep_since = 0;  // options older than this were explored elsewhere
    };
    struct Event {
        bool orders_memory = true;
        bool signalled = false;
        std::uint32_t signalled_at = 0;
        std::uint32_t taken_at = 0;
        View view;
    };
    struct Mutex {
        bool locked = false;
        std::uint32_t unlocked_at = 0;
        View view;
    };
    struct Alternative {
        ThreadId thread;
        Option option;
    };
    enum class Ending : std::uint8_t { kRunning, kComplete, kCut, kFailed };

    explicit Explorer(const Options& options);

    void run_once(const std::function<std::unique_ptr<Program>()>& make);
    static void thread_main(void* self);
    [[noreturn]] void stop(Ending ending);
    void fail(const std::string& message);

    // schedule.cpp: which thread does what next.
    Fiber& next();
    Fiber& grant(const Alternative& alternative);
    Fiber& end(Ending ending);
    bool is_mover(ThreadId thread) const;
    bool others_may(ThreadId thread, std::uint32_t mask) const;
    std::size_t add_alternatives(ThreadId thread);
    void add_if_awake(ThreadId thread, Option option, std::uint32_t born, std::size_t& possible);
    const Alternative& draw();
    const Alternative& draw_at_random();
    std::size_t draw_thread(const std::size_t* firsts, std::size_t threads);

    Outcome apply(ThreadId thread, const Operation& operation, Option option);
    void weaken(Operation& operation, ThreadId thread);
    void check_access(const Operation& operation);
    ThreadId main_thread() const { return thread_count_; }

    const Options* options_;
    ThreadId thread_count_;
    Result result_;
    Trail trail_;

    Program* program_ = nullptr;
    Memory memory_;
    Trace trace_;
    std::vector<LocationName> names_;
    std::vector<std::uint32_t> writers_;  // per location, a bit per thread
    std::vector<bool> retired_;
    std::vector<Event> events_;
    std::vector<Mutex> mutexes_;
    std::vector<Thread> threads_;
    std::vector<Alternative> alternatives_;
    Fiber main_;
    ThreadId current_ = 0;
    Ending ending_ = Ending::kComplete;
    ThreadId last_granted_ = 0;
    std::uint64_t burst_percent_ = 0;  // random executions: how likely the same thread goes on
    std::uint32_t last_sc_fence_ = 0;
};

}  // namespace aegis::model
