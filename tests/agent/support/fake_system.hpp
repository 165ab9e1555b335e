// The agent's port without an operating system: a driver in this process's memory, stdout in a string.
//
// The ring is the real one, written by the real producer and doorbell; what is played is what surrounds it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aegis/ioctl.h"
#include "aegis/ring/consumer.hpp"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/producer.hpp"
#include "agent/client/device.hpp"
#include "agent/port/port.hpp"
#include "support/event_bytes.hpp"
#include "support/zeroed_region.hpp"

namespace aegis::test {

// Cells of a ring that a test fills easily: one event of publish_starts each.
inline constexpr std::uint32_t kFewCells = 64;

inline constexpr std::int64_t kSomeTime = 133590404961234567;  // 2024-05-01T12:34:56.1234567Z

class FakeSystem {
  public:
    static constexpr std::uint32_t kProcessId = 4242;

    explicit FakeSystem(std::uint32_t cell_count = kFewCells);
    ~FakeSystem();
    FakeSystem(const FakeSystem&) = delete;
    FakeSystem& operator=(const FakeSystem&) = delete;

    agent::Port& port();
    // What the port opens the driver with: libaegis over this system.
    std::int32_t open_client(const aegis_options& options, aegis_client** client);

    // The driver's side. Any thread.
    void publish(std::uint16_t type, const std::vector<std::byte>& payload, std::int64_t timestamp = kSomeTime);
    void publish_start(const Start& start) { publish(AEGIS_EVENT_PROCESS_CREATE, compact_payload(start)); }
    void publish_exit(std::uint32_t pid) { publish(AEGIS_EVENT_PROCESS_EXIT, exit_payload(pid)); }
    // Starts of the processes first, first + 1, …, each named after its number.
    void publish_starts(std::uint32_t first, std::uint32_t count);
    // An event whose header says another size than it has. Before a session reads.
    void publish_with_size(std::uint16_t size);
    // The driver counts events that get no place in the ring.
    void lose(unsigned reason, std::uint64_t events);
    // The driver says in the ring that nothing follows.
    void close_ring();
    // The driver's process dies: every call and wait says so; the ring stays readable.
    void kill_driver();
    // Somebody stops the driver: it works on until the last handle to it is closed.
    void stop_driver();

    // Changes what the driver answers, just before it does.
    void on_query(std::function<void(AEGIS_QUERY_REPLY&)> change);
    // The same for the bytes that the answer consists of.
    void on_query_bytes(std::function<void(std::vector<std::byte>&)> change);
    void on_setup(std::function<void(AEGIS_RING_SETUP_REPLY&)> change);
    void refuse(std::uint32_t code, client::IoResult result);
    AEGIS_RING_HEADER* ring_header() { return region_.header(); }

    // The user's side.
    void request_stop();
    // From now on stdout takes `room` bytes more, and then answers this.
    void break_output(agent::WriteResult result, std::size_t room = 0);
    // stdout is no file: what was written stays.
    void keep_output();
    // stdout's reader takes nothing, until it is let go on.
    void stall_output();
    void resume_output();
    // As soon as it has taken so many bytes in all.
    void stall_output_at(std::size_t bytes);

    std::string output() const;
    std::size_t output_lines() const;
    // False when `count` lines have not come after a generous time.
    bool wait_for_lines(std::size_t count);
    // False when the agent has not gone to sleep on the driver's event, with nothing left to read, in that time.
    bool wait_until_asleep();
    // False when the agent has not come to a write that its stalled reader does not take.
    bool wait_until_writing();
    // False when the session has not decided to end, and how far it reads, in that time.
    bool wait_until_ending();
    std::uint64_t signals() const;

  private:
    class FakePort;
    class FakeDevice;
    friend class FakePort;
    friend class FakeDevice;

    // Caller holds mutex_.
    static void signal(FakeSystem* system);
    client::IoResult answer_query(std::span<std::byte> reply);
    client::IoResult answer_setup(std::span<const std::byte> request, std::span<std::byte> reply);
    client::IoResult answer_pull(std::span<std::byte> reply);
    bool wait_for(const std::function<bool()>& condition);

    FormattedRegion region_;
    ZeroedRegion page_{AEGIS_CONSUMER_PAGE_BYTES};

    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable changed_;
    ring::Producer<> producer_;
    ring::DoorbellRinger<FakeSystem*, 1> bell_;
    std::optional<ring::Consumer<>> pull_;
    bool signalled_ = false;
    std::uint64_t signals_ = 0;
    bool asleep_ = false;
    bool interrupted_ = false;
    bool stop_requested_ = false;
    bool driver_gone_ = false;
    bool driver_stopping_ = false;
    bool ending_ = false;
    bool stalled_ = false;
    std::optional<std::size_t> stall_at_;
    bool writing_ = false;
    bool abandoned_ = false;
    std::optional<agent::WriteResult> output_result_;
    std::size_t room_ = 0;
    bool output_stays_ = false;
    std::string output_;
    std::function<void(AEGIS_QUERY_REPLY&)> on_query_;
    std::function<void(std::vector<std::byte>&)> on_query_bytes_;
    std::function<void(AEGIS_RING_SETUP_REPLY&)> on_setup_;
    std::optional<std::pair<std::uint32_t, client::IoResult>> refused_;
    std::unique_ptr<FakePort> port_;
};

}  // namespace aegis::test
