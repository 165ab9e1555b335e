#include "driver/host/executive/processes/thread.hpp"

#include <fmt/format.h>

namespace aegis::host {
namespace {

Referenced<Thread> again(const Referenced<Thread>& thread) {
    thread->reference();
    return Referenced<Thread>(thread.get());
}

}  // namespace

Thread::Thread(const ThreadCreation& creation, Process& process)
    : Object(thread_object_type, this), creation_(creation), process_((process.reference(), &process)) {}

std::string Thread::describe() const {
    return fmt::format("thread {}", creation_.tid);
}

Referenced<Thread> ThreadTable::created(const ThreadCreation& creation, Process& process) {
    Referenced<Thread> thread(new Thread(creation, process));
    const std::lock_guard lock(mutex_);
    threads_.insert_or_assign(creation.tid, again(thread));
    return thread;
}

Referenced<Thread> ThreadTable::find(std::uint32_t tid) {
    const std::lock_guard lock(mutex_);
    const auto found = threads_.find(tid);
    return found != threads_.end() ? again(found->second) : Referenced<Thread>();
}

void ThreadTable::remove(const Thread& thread) {
    const std::lock_guard lock(mutex_);
    const auto found = threads_.find(thread.tid());
    if (found != threads_.end() && found->second.get() == &thread) {
        threads_.erase(found);
    }
}

void ThreadTable::clear() {
    const std::lock_guard lock(mutex_);
    threads_.clear();
}

}  // namespace aegis::host
