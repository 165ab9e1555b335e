#include "explorer/explorer.hpp"

#include <cstdlib>
#include <cstring>
#include <iterator>

namespace aegis::model {
namespace {

constexpr std::size_t kStackBytes = std::size_t{256} * 1024;

// A program that runs on beyond this does not end.
constexpr Step kMaxSteps = 20'000;

Explorer* g_running = nullptr;

struct ThreadStart {
    Explorer* explorer;
    ThreadId thread;
};

}  // namespace

Explorer& Explorer::running() {
    return *g_running;
}

Explorer::Explorer(const Options& options)
    : options_(&options),
      thread_count_(static_cast<ThreadId>(options.threads.size())),
      trail_(options.random_executions == 0 ? Trail() : Trail(options.seed)) {
    if (options.threads.empty() || options.threads.size() > kMaxThreads) {
        std::abort();
    }
    threads_.resize(thread_count_);
    for (Thread& thread : threads_) {
        thread.fiber = std::make_unique<Fiber>(kStackBytes);
    }
}

Result Explorer::explore(const Options& options, const std::function<std::unique_ptr<Program>()>& make) {
    Explorer explorer(options);
    Explorer* const outer = g_running;
    g_running = &explorer;
    Result& result = explorer.result_;
    do {
        explorer.run_once(make);
    } while (result.failure.empty() && result.executions < options.max_executions &&
             (options.random_executions == 0 || result.executions < options.random_executions) &&
             explorer.trail_.advance());
    g_running = outer;
    if (result.failure.empty() && result.executions >= options.max_executions) {
        result.failure = "gave up: more than " + std::to_string(options.max_executions) + " executions\n";
    }
    result.passed = result.failure.empty();
    return result;
}

void Explorer::run_once(const std::function<std::unique_ptr<Program>()>& make) {
    memory_.reset(thread_count_ + 1);
    trace_.clear();
    names_.clear();
    writers_.clear();
    retired_.clear();
    events_.clear();
    mutexes_.clear();
    last_sc_fence_ = 0;
    if (trail_.is_random()) {
        constexpr std::uint64_t kBursts[] = {0, 60, 90, 98};
        burst_percent_ = kBursts[trail_.choose(std::size(kBursts))];
    }
    current_ = main_thread();
    ending_ = Ending::kRunning;

    const std::unique_ptr<Program> program = make();
    program_ = program.get();
    ThreadStart starts[kMaxThreads] = {};
    for (ThreadId id = 0; id < thread_count_; ++id) {
        memory_.learn(id, memory_.knowledge(main_thread()));
        Thread& thread = threads_[id];
        thread.pending = Operation{};
        thread.ended = false;
        thread.asleep_since = 0;
        starts[id] = {this, id};
        thread.fiber->restart(&Explorer::thread_main, &starts[id]);
    }
    next().switch_from(main_);

    current_ = main_thread();
    if (ending_ == Ending::kComplete) {
        for (ThreadId id = 0; id < thread_count_; ++id) {
            memory_.learn(main_thread(), memory_.knowledge(id));
        }
        program->finish();
    }
    if (ending_ == Ending::kCut) {
        ++result_.cut;
    } else {
        ++result_.executions;
    }
}

void Explorer::thread_main(void* start) {
    const ThreadStart self = *static_cast<ThreadStart*>(start);
    Explorer& explorer = *self.explorer;
    explorer.apply(self.thread, explorer.threads_[self.thread].pending, 0);
    explorer.program_->run(self.thread);
    explorer.threads_[self.thread].ended = true;
    explorer.next().switch_from(*explorer.threads_[self.thread].fiber);
    std::abort();
}

void Explorer::stop(Ending ending) {
    Fiber& self = *threads_[current_].fiber;
    end(ending).switch_from(self);
    std::abort();
}

void Explorer::fail(const std::string& message) {
    if (!result_.failure.empty()) {
        return;
    }
    std::vector<std::string> threads = options_->threads;
    threads.emplace_back("after all");
    result_.failure = message + '\n';
    if (trail_.is_random()) {
        result_.failure +=
            "execution " + std::to_string(result_.executions) + " of seed " + std::to_string(options_->seed) + '\n';
    }
    result_.failure += trace_.print(threads, names_);
}

void Explorer::check(bool condition, const char* message) {
    if (condition) {
        return;
    }
    fail(message);
    if (current_ != main_thread()) {
        stop(Ending::kFailed);
    }
}

void Explorer::note(const char* text, std::uint64_t value) {
    TraceEntry entry;
    entry.thread = current_;
    entry.is_note = true;
    entry.note = text;
    entry.value = value;
    trace_.add(entry);
}

LocationId Explorer::add_location(std::uint64_t initial) {
    names_.emplace_back();
    writers_.push_back(~0U);
    retired_.push_back(false);
    return memory_.add_location(initial);
}

std::uint16_t Explorer::add_event(bool orders_memory) {
    events_.emplace_back().orders_memory = orders_memory;
    return static_cast<std::uint16_t>(events_.size() - 1);
}

std::uint16_t Explorer::add_mutex() {
    mutexes_.emplace_back();
    return static_cast<std::uint16_t>(mutexes_.size() - 1);
}

void Explorer::only_written_by(LocationId location, std::initializer_list<ThreadId> threads) {
    writers_[location] = 0;
    for (const ThreadId thread : threads) {
        writers_[location] |= 1U << thread;
    }
}

void Explorer::weaken(Operation& operation, ThreadId thread) {
    const Weakening& weakening = options_->weakening;
    if (weakening.kind == Weakening::Kind::kOrder && operation.action == weakening.action &&
        operation.order == weakening.from && (weakening.thread == kAnyThread || weakening.thread == thread) &&
        (weakening.location == nullptr || std::strcmp(weakening.location, names_[operation.object].text) == 0)) {
        operation.order = weakening.to;
        threads_[thread].weakened = true;
        ++result_.weakened;
    }
}

void Explorer::check_access(const Operation& operation) {
    if (!is_on_memory(operation.action)) {
        return;
    }
    check(!retired_[operation.object], "a location was touched after it was given back");
    check(operation.action == Action::kLoad || (writers_[operation.object] >> current_ & 1U) != 0,
          "a location was written by a thread that only_written_by does not name");
}

Explorer::Outcome Explorer::perform(Operation operation) {
    if (current_ == main_thread()) {
        // Nothing runs beside it, and it has seen everything: only the newest write is visible.
        const std::size_t newest = is_on_memory(operation.action) ? memory_.messages(operation.object).size() - 1 : 0;
        return apply(current_, operation, static_cast<Option>(newest));
    }
    Thread& self = threads_[current_];
    self.weakened = false;
    check_access(operation);
    weaken(operation, current_);
    self.pending = operation;
    const ThreadId id = current_;
    Fiber& target = next();
    if (&target != self.fiber.get()) {
        target.switch_from(*self.fiber);
    }
    return apply(id, operation, self.chosen);
}

Explorer::Outcome Explorer::apply(ThreadId thread, const Operation& operation, Option option) {
    const Step step = trace_.next_step();
    const LocationId object = operation.object;
    Outcome outcome;
    TraceEntry entry;
    entry.thread = thread;
    entry.operation = operation;
    entry.weakened = thread != main_thread() && threads_[thread].weakened;

    const bool reads = is_on_memory(operation.action) && operation.action != Action::kStore;
    if (reads) {
        outcome.value = memory_.messages(object)[option].value;
        entry.read_from = memory_.messages(object)[option].step;
    }
    switch (operation.action) {
        case Action::kStart:
            break;
        case Action::kLoad:
            memory_.load(thread, object, option, operation.order);
            break;
        case Action::kStore:
            memory_.store(thread, object, option, operation.operand, operation.order, step);
            break;
        case Action::kExchange:
            memory_.exchange(thread, object, option, operation.operand, operation.order, step);
            outcome.wrote = true;
            break;
        case Action::kFetchAdd:
            memory_.exchange(thread, object, option, outcome.value + operation.operand, operation.order, step);
            outcome.wrote = true;
            break;
        case Action::kCompareExchange:
            outcome.wrote = outcome.value == operation.expected;
            if (outcome.wrote) {
                memory_.exchange(thread, object, option, operation.operand, operation.order, step);
            } else {
                memory_.load(thread, object, option, operation.failure);
            }
            break;
        case Action::kFence:
            memory_.fence(thread, operation.order);
            if (operation.order == std::memory_order_seq_cst) {
                last_sc_fence_ = step;
            }
            break;
        case Action::kSignal:
            events_[object].signalled = true;
            events_[object].signalled_at = step;
            events_[object].view.join(memory_.knowledge(thread), memory_.locations());
            break;
        case Action::kWait:
            if (option == kTakeSignal) {
                events_[object].signalled = false;
                events_[object].taken_at = step;
                if (events_[object].orders_memory) {
                    memory_.learn(thread, events_[object].view);
                }
            }
            outcome.value = option;
            break;
        case Action::kLock:
            mutexes_[object].locked = true;
            memory_.learn(thread, mutexes_[object].view);
            break;
        case Action::kUnlock:
            mutexes_[object].locked = false;
            mutexes_[object].unlocked_at = step;
            mutexes_[object].view = memory_.knowledge(thread);
            break;
    }
    entry.value = outcome.value;
    entry.wrote = outcome.wrote;
    trace_.add(entry);
    if (step > kMaxSteps) {
        check(false, "the program does not end");
    }
    return outcome;
}

}  // namespace aegis::model
