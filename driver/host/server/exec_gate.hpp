// Refusals that are real: while a policy refuses the start of processes, the kernel asks here before it runs a program
// (fanotify, FAN_OPEN_EXEC_PERM), and the driver's answer is the kernel's. An exec that is refused fails with EPERM.
//
// While the kernel waits for the answer nothing is opened that could make it ask again: nothing is run at all. When
// this process ends in whatever way, the kernel lets everything through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "driver/host/executive/executive.hpp"
#include "driver/host/server/process_table.hpp"
#include "driver/host/server/refused_paths.hpp"
#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/stop_signal.hpp"
#include "driver/host/unique_fd.hpp"

namespace aegis::host::server {

class ExecGate final : public FileWatch {
  public:
    ExecGate(Executive& executive, ProcessTable& clients, sources::Report report)
        : executive_(executive), clients_(clients), report_(std::move(report)) {}
    ~ExecGate() override { stop(); }
    ExecGate(const ExecGate&) = delete;
    ExecGate& operator=(const ExecGate&) = delete;

    // On return from a SET_POLICY the kernel asks for what it refuses; where it cannot be made to, a line says why.
    void controlled(const void* file, ULONG code, std::span<const std::byte> input,
                    std::span<const std::byte> output) override;

    // Its policy has ended, if it had one.
    void closed(const void* file) override;

    // Everything is let through from now on.
    void stop();

  private:
    // `generation`: the driver's number of the policy; an older one than known is ignored.
    void policy_set(const void* owner, std::uint64_t generation, std::span<const std::byte> blob);
    void set_rules(RefusedPaths rules);
    std::shared_ptr<const RefusedPaths> rules() const;
    bool start();
    void end();
    void mark(const RefusedPaths& rules);
    void answer_until_stopped();
    void answer(int file, std::uint32_t pid);
    bool refuse(std::uint32_t pid, const std::string& path);

    Executive& executive_;
    ProcessTable& clients_;
    sources::Report report_;

    std::mutex mutex_;  // guards what follows up to the rules; not held while the kernel is answered
    const void* owner_ = nullptr;
    std::uint64_t generation_ = 0;
    bool stopped_ = false;
    UniqueFd events_;
    std::unique_ptr<sources::StopSignal> end_;
    std::thread thread_;

    mutable std::mutex rules_mutex_;
    std::shared_ptr<const RefusedPaths> rules_ = std::make_shared<RefusedPaths>();
};

}  // namespace aegis::host::server
