#include "support/core_pair.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "aegis/ring/atomics.hpp"

namespace aegis::bench {
namespace {

// Hardware threads of one core have the same list.
std::string sibling_list(int core) {
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(core) + "/topology/thread_siblings_list");
    std::string list;
    std::getline(file, list);
    return list.empty() ? std::to_string(core) : list;
}

long involuntary_switches() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

// The eighth number of the first line, in clock ticks.
Nanoseconds stolen_time() {
    std::ifstream file("/proc/stat");
    std::string cpu;
    long long fields[8] = {};
    file >> cpu;
    for (long long& field : fields) {
        file >> field;
    }
    return fields[7] * (kSecond / sysconf(_SC_CLK_TCK));
}

}  // namespace

Cores choose_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof(allowed), &allowed);
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &allowed)) {
            cores.push_back(core);
        }
    }
    if (cores.size() < 2) {
        std::fputs("aegis-bench: needs two cores; this process may use only one\n", stderr);
        std::exit(1);
    }
    for (std::size_t i = 1; i < cores.size(); ++i) {
        if (sibling_list(cores[i]) != sibling_list(cores[0])) {
            return {cores[0], cores[i]};
        }
    }
    return {cores[0], cores[1]};
}

void pin_this_thread(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
        std::fprintf(stderr, "aegis-bench: cannot pin a thread to core %d\n", core);
        std::exit(1);
    }
}

CorePair::CorePair(Cores cores) : cores_(cores), worker_([this] { serve(); }) {
    pin_this_thread(cores_.first);
}

CorePair::~CorePair() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    worker_.join();
}

PairUsage CorePair::run(const std::function<void()>& first, const std::function<void()>& second) {
    PairUsage usage;
    const Nanoseconds stolen_before = stolen_time();
    ready_.store(0, std::memory_order_relaxed);  // ordered by the mutex
    {
        const std::lock_guard lock(mutex_);
        task_ = &second;
    }
    changed_.notify_all();
    usage.first = run_side(first);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return task_ == nullptr; });
    usage.second = task_usage_;
    usage.stolen = stolen_time() - stolen_before;
    return usage;
}

CoreUsage CorePair::run_side(const std::function<void()>& side) {
    constexpr int kSides = 2;
    ready_.fetch_add(1, std::memory_order_acq_rel);
    while (ready_.load(std::memory_order_acquire) != kSides) {
        ring::StdAtomics::pause();
    }
    const long switches = involuntary_switches();
    const Nanoseconds wall = now();
    const Nanoseconds cpu = thread_cpu_time();
    side();
    CoreUsage usage;
    usage.cpu = thread_cpu_time() - cpu;
    usage.wall = now() - wall;
    usage.involuntary_switches = involuntary_switches() - switches;
    return usage;
}

void CorePair::serve() {
    pin_this_thread(cores_.second);
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return task_ != nullptr || stopping_; });
        if (stopping_) {
            return;
        }
        const std::function<void()>& task = *task_;
        lock.unlock();
        const CoreUsage usage = run_side(task);
        lock.lock();
        task_usage_ = usage;
        task_ = nullptr;
        changed_.notify_all();
    }
}

}  // namespace aegis::bench
