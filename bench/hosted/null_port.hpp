// The agent's system, where nothing of it is measured: its stdout is /dev/null.
#pragma once

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/port/port.hpp"

namespace aegis::bench {

// 100 ns since 1601, as events have it.
inline std::int64_t filetime_now() {
    constexpr std::int64_t kUnixEpoch = 116'444'736'000'000'000;
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return kUnixEpoch + std::int64_t{time.tv_sec} * 10'000'000 + time.tv_nsec / 100;
}

class NullPort final : public agent::Port {
  public:
    NullPort() : null_(open("/dev/null", O_WRONLY | O_CLOEXEC)) {}
    ~NullPort() override { close(null_); }
    NullPort(const NullPort&) = delete;
    NullPort& operator=(const NullPort&) = delete;

    // Whose waits interrupt() ends from now on; it outlives the port's last interrupt.
    void reads_from(aegis_client* client) { client_ = client; }

    std::optional<agent::Failure> open_driver(const agent::DeviceChoice&, aegis_options, const agent::Patience&,
                                              agent::Log&, agent::Client&) override {
        return agent::Failure{agent::ExitCode::kRuntimeFailure, "there is no device"};
    }
    std::optional<agent::Failure> close_driver() override { return std::nullopt; }
    void interrupt_by(std::uint64_t) override {}
    agent::WriteResult write_output(std::string_view text) override {
        bytes_ += text.size();
        const ssize_t written = write(null_, text.data(), text.size());
        return {agent::WriteStatus::kWritten, static_cast<std::size_t>(written), ""};
    }
    bool take_back_output(std::size_t) override { return false; }
    void abandon_output() override {}
    void interrupt() override { aegis_interrupt(client_); }
    agent::InterruptStatus wait_interrupt(agent::Timeout) override { return agent::InterruptStatus::kTimeout; }
    bool stop_requested() const override { return false; }
    std::int64_t system_time() const override { return filetime_now(); }
    std::int32_t utc_offset(std::int64_t) const override { return 0; }
    std::string host_name() const override { return "bench"; }
    std::unique_ptr<agent::DosPaths> dos_paths() const override { return nullptr; }
    agent::UserName user_name(std::span<const std::byte>) const override { return {}; }

    std::uint64_t bytes() const { return bytes_; }

  private:
    int null_;
    std::uint64_t bytes_ = 0;
    aegis_client* client_ = nullptr;
};

}  // namespace aegis::bench
