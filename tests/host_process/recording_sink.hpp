// Remembers what a source of process activity said.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
    std::optional<std::u16string> command_line = {};
    std::optional<std::uint32_t> uid = {};
    std::optional<std::uint32_t> session = {};
    host::sources::NtTime created = 0;
    std::optional<std::int32_t> status = {};

    bool operator==(const RecordedActivity&) const = default;
};

struct RecordedImage {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    std::u16string path;
    bool exact = false;
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    host::sources::NtTime time = 0;
};

struct RecordedRegistryChange {
    std::uint32_t pid = 0;
    std::uint32_t tid = 0;
    host::sources::RegistryChanged::Kind kind = {};
    std::u16string key;
    std::u16string name;
    std::uint32_t type = 0;
    std::vector<std::byte> data;
};

class RecordingSink final : public host::sources::ActivitySink {
  public:
    void process_started(const host::sources::ProcessStart& start) override {
        RecordedActivity one{
            true, start.pid, start.parent, start.creator, std::u16string(start.image), start.image_exact, start.time};
        if (start.command_line) {
            one.command_line.emplace(*start.command_line);
        }
        if (start.owner) {
            one.uid = start.owner->uid;
            one.session = start.owner->session;
        }
        one.created = start.created;
        add(std::move(one));
    }
    void process_ended(std::uint32_t pid, host::sources::NtTime time, std::optional<std::int32_t> status) override {
        RecordedActivity one{false, pid, 0, 0, {}, false, time};
        one.status = status;
        add(std::move(one));
    }

    void thread_started(const host::sources::ThreadStart& start) override {
        const std::lock_guard guard(mutex_);
        thread_starts_.push_back(start);
        order_.emplace_back(start.pid, "thread");
        changed_.notify_all();
    }
    void thread_ended(const host::sources::ThreadEnd& end) override {
        const std::lock_guard guard(mutex_);
        thread_ends_.push_back(end);
        order_.emplace_back(end.pid, "thread end");
        changed_.notify_all();
    }

    void image_loaded(const host::sources::ImageLoaded& image) override {
        const std::lock_guard guard(mutex_);
        images_.push_back(
            {image.pid, image.tid, std::u16string(image.path), image.path_exact, image.base, image.size, image.time});
        order_.emplace_back(image.pid, "image");
        changed_.notify_all();
    }

    void handle_opened(const host::sources::HandleOpened& handle) override {
        const std::lock_guard guard(mutex_);
        handles_.push_back(handle);
        order_.emplace_back(handle.pid, "handle");
        changed_.notify_all();
    }

    void registry_changed(const host::sources::RegistryChanged& change) override {
        const std::lock_guard guard(mutex_);
        registry_changes_.push_back({change.pid,
                                     change.tid,
                                     change.kind,
                                     std::u16string(change.key),
                                     std::u16string(change.name),
                                     change.type,
                                     {change.data.begin(), change.data.end()}});
        order_.emplace_back(change.pid, "registry");
        changed_.notify_all();
    }

    void events_lost(std::uint64_t count) override {
        const std::lock_guard guard(mutex_);
        lost_ += count;
        changed_.notify_all();
    }

    // "process", "thread", "image", "thread end", "process end", as they were told.
    std::vector<std::string> order_of(std::uint32_t pid) const {
        const std::lock_guard guard(mutex_);
        std::vector<std::string> result;
        for (const auto& [told_of, what] : order_) {
            if (told_of == pid) {
                result.emplace_back(what);
            }
        }
        return result;
    }

    std::vector<host::sources::ThreadStart> thread_starts_of(std::uint32_t pid) const {
        const std::lock_guard guard(mutex_);
        std::vector<host::sources::ThreadStart> result;
        std::copy_if(thread_starts_.begin(), thread_starts_.end(), std::back_inserter(result),
                     [pid](const host::sources::ThreadStart& start) { return start.pid == pid; });
        return result;
    }

    std::vector<RecordedRegistryChange> registry_changes() const {
        const std::lock_guard guard(mutex_);
        return registry_changes_;
    }

    std::vector<RecordedImage> images() const {
        const std::lock_guard guard(mutex_);
        return images_;
    }

    std::vector<host::sources::HandleOpened> handles() const {
        const std::lock_guard guard(mutex_);
        return handles_;
    }
    std::vector<host::sources::HandleOpened> handles_of(std::uint32_t pid) const {
        const std::lock_guard guard(mutex_);
        std::vector<host::sources::HandleOpened> found;
        std::copy_if(handles_.begin(), handles_.end(), std::back_inserter(found),
                     [pid](const auto& handle) { return handle.pid == pid; });
        return found;
    }

    std::vector<RecordedImage> images_of(std::uint32_t pid) const {
        std::vector<RecordedImage> result;
        for (RecordedImage& image : images()) {
            if (image.pid == pid) {
                result.push_back(std::move(image));
            }
        }
        return result;
    }

    std::vector<host::sources::ThreadStart> thread_starts() const {
        const std::lock_guard guard(mutex_);
        return thread_starts_;
    }
    std::vector<host::sources::ThreadEnd> thread_ends() const {
        const std::lock_guard guard(mutex_);
        return thread_ends_;
    }

    std::uint64_t lost() const {
        const std::lock_guard guard(mutex_);
        return lost_;
    }

    // Waits until this many starts and ends were told, of whatever; false after a generous time.
    bool wait_until_told(std::size_t count) const {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return order_.size() >= count; });
    }

    // Everything but images once more, in its order.
    template <typename Process, typename Start, typename End>
    void replay(Process process, Start start, End end) const {
        const std::lock_guard guard(mutex_);
        auto next_process = activity_.begin();
        auto next_start = thread_starts_.begin();
        auto next_end = thread_ends_.begin();
        for (const auto& [pid, what] : order_) {
            if (std::string_view(what) == "thread") {
                start(*next_start++);
            } else if (std::string_view(what) == "thread end") {
                end(*next_end++);
            } else if (std::string_view(what) != "image") {
                process(*next_process++);
            }
        }
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
        order_.emplace_back(activity.pid, activity.is_start ? "process" : "process end");
        activity_.push_back(std::move(activity));
        changed_.notify_all();
    }

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<RecordedActivity> activity_;
    std::vector<std::pair<std::uint32_t, const char*>> order_;
    std::vector<host::sources::ThreadStart> thread_starts_;
    std::vector<host::sources::ThreadEnd> thread_ends_;
    std::vector<RecordedRegistryChange> registry_changes_;
    std::vector<RecordedImage> images_;
    std::vector<host::sources::HandleOpened> handles_;
    std::uint64_t lost_ = 0;
};

}  // namespace aegis::test
