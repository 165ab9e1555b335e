#include "driver/host/sources/synthetic_threads.hpp"

namespace aegis::host::sources {
namespace {

constexpr std::uint64_t kMostMore = 8;
constexpr std::uint64_t kCodeBegin = 0x7FF6'0000'0000;
constexpr std::uint64_t kCodeBytes = 0x1000'0000;
constexpr std::uint64_t kCodeAlignment = 16;

}  // namespace

std::uint32_t SyntheticThreads::first_of(std::uint32_t pid) const {
    const auto found = alive_.find(pid);
    return found != alive_.end() ? found->second.front() : pid;
}

SyntheticThread SyntheticThreads::make(std::uint32_t pid, std::uint32_t creator) {
    SyntheticThread thread;
    thread.is_start = true;
    thread.pid = pid;
    thread.creator = creator;
    thread.creator_tid = first_of(creator);
    thread.start_address = kCodeBegin + below(kCodeBytes / kCodeAlignment) * kCodeAlignment;
    thread.tid = next_tid_++;
    if (next_tid_ == 0) {
        next_tid_ = kFirstTid;
    }
    alive_[pid].push_back(thread.tid);
    return thread;
}

std::vector<SyntheticThread> SyntheticThreads::after(const SyntheticEvent& start) {
    std::vector<SyntheticThread> threads = {make(start.pid, start.creator)};
    if (once_in(4)) {
        for (std::uint64_t more = 1 + below(kMostMore); more > 0; --more) {
            threads.push_back(make(start.pid, once_in(256) ? start.creator : start.pid));
        }
    }
    return threads;
}

std::vector<SyntheticThread> SyntheticThreads::before_end_of(std::uint32_t pid) {
    std::vector<SyntheticThread> ends;
    const auto found = alive_.find(pid);
    if (found == alive_.end()) {
        return ends;
    }
    const auto status = static_cast<std::int32_t>(once_in(8) ? 1 + below(255) : 0);
    for (auto tid = found->second.rbegin(); tid != found->second.rend(); ++tid) {
        SyntheticThread& end = ends.emplace_back();
        end.pid = pid;
        end.tid = *tid;
        end.status = status;
    }
    alive_.erase(found);
    return ends;
}

}  // namespace aegis::host::sources
