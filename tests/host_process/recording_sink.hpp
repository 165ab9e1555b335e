// Remembers what a source of process activity said.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "driver/host/sources/activity_source.hpp"

namespace aegis::test {

struct RecordedActivity {
    bool is_start = false;
    std::uint32_t pid = 0;
    std::uint32_t parent = 0;
    std::uint32_t creator = 0;
    std::u16string image;
    bool exact = false;
    host::sources::NtTime time = 0;

    bool operator==(const RecordedActivity&) const = default;
};

class RecordingSink final : public host::sources::ProcessSink {
  public:
    void process_started(const host::sources::ProcessStart& start) override {
        add({true, start.pid, start.parent, start.creator, std::u16string(start.image), start.image_exact, start.time});
    }
    void process_ended(std::uint32_t pid, host::sources::NtTime time) override {
        add({false, pid, 0, 0, {}, false, time});
    }

    void events_lost(std::uint64_t count) override {
        const std::lock_guard guard(mutex_);
        lost_ += count;
        changed_.notify_all();
    }

    std::uint64_t lost() const {
        const std::lock_guard guard(mutex_);
        return lost_;
    }

    // Waits until this many were told as lost; false after a generous time.
    bool wait_until_lost(std::uint64_t count) const {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return lost_ >= count; });
    }

    std::vector<RecordedActivity> all() const {
        const std::lock_guard guard(mutex_);
        return activity_;
    }

    std::vector<RecordedActivity> of(pid_t pid) const {
        std::vector<RecordedActivity> result;
        for (const RecordedActivity& activity : all()) {
            if (activity.pid == static_cast<std::uint32_t>(pid)) {
                result.push_back(activity);
            }
        }
        return result;
    }

    // Waits until `condition` holds of everything heard so far; false after a generous time.
    template <typename Condition>
    bool wait_until(Condition condition) const {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return condition(activity_); });
    }

    bool wait_for_end_of(pid_t pid) const {
        return wait_until([pid](const std::vector<RecordedActivity>& activity) {
            for (const RecordedActivity& one : activity) {
                if (!one.is_start && one.pid == static_cast<std::uint32_t>(pid)) {
                    return true;
                }
            }
            return false;
        });
    }

    bool wait_for_start_of(pid_t pid) const {
        return wait_until([pid](const std::vector<RecordedActivity>& activity) {
            for (const RecordedActivity& one : activity) {
                if (one.is_start && one.pid == static_cast<std::uint32_t>(pid)) {
                    return true;
                }
            }
            return false;
        });
    }

  private:
    void add(RecordedActivity activity) {
        const std::lock_guard guard(mutex_);
        activity_.push_back(std::move(activity));
        changed_.notify_all();
    }

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<RecordedActivity> activity_;
    std::uint64_t lost_ = 0;
};

}  // namespace aegis::test
