// Thread objects: those that activity has reported.
#pragma once

#include <ntifs.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "driver/host/executive/objects/object.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/processes/process_activity.hpp"

namespace aegis::host {

class Thread final : public Object {
  public:
    Thread(const ThreadCreation& creation, Process& process);

    std::uint32_t tid() const { return creation_.tid; }
    Process& process() const { return *process_; }
    std::optional<std::uint64_t> start_address() const { return creation_.start_address; }
    bool is_system() const { return creation_.system; }
    // STATUS_PENDING until the thread ends, and when nobody knows.
    NTSTATUS exit_status() const { return exit_status_.load(std::memory_order_relaxed); }
    void ended_with(NTSTATUS status) { exit_status_.store(status, std::memory_order_relaxed); }
    std::string describe() const override;

  private:
    const ThreadCreation creation_;
    const Referenced<Process> process_;
    // Relaxed: it is read by who is told of the end, on the thread that stored it.
    std::atomic<NTSTATUS> exit_status_ = STATUS_PENDING;
};

inline PETHREAD to_nt(Thread& thread) {
    return reinterpret_cast<PETHREAD>(&thread);
}

// Threads by number, from their creation to their end.
class ThreadTable {
  public:
    // A new thread of `process`; one of the same number that has not ended is forgotten.
    Referenced<Thread> created(const ThreadCreation& creation, Process& process);
    // Empty when there is none.
    Referenced<Thread> find(std::uint32_t tid);
    void remove(const Thread& thread);
    // At the end: nobody has reported their end.
    void clear();

  private:
    std::mutex mutex_;  // guards threads_
    std::unordered_map<std::uint32_t, Referenced<Thread>> threads_;
};

}  // namespace aegis::host
