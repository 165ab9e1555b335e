// A client of the driver: a process with one device handle in the foreground, and the control requests.
#pragma once

#include <ntifs.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "aegis/ioctl.h"
#include "aegis/policy.h"
#include "aegis/ring/consumer.hpp"
#include "aegis/ring/region.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/host/executive/memory/local_address_space.hpp"
#include "driver/support/test_host.hpp"

namespace aegis::test {

inline constexpr ACCESS_MASK kReadWrite = FILE_READ_DATA | FILE_WRITE_DATA;

struct SetupResult {
    NTSTATUS status;
    std::size_t information;
    AEGIS_RING_SETUP_REPLY reply;
};

struct QueryResult {
    NTSTATUS status;
    std::size_t information;
    std::unique_ptr<AEGIS_QUERY_REPLY> reply;
};

struct SetPolicyResult {
    NTSTATUS status;
    std::size_t information;
    AEGIS_SET_POLICY_REPLY reply;
};

struct GetPolicyResult {
    NTSTATUS status;
    std::unique_ptr<AEGIS_GET_POLICY_REPLY> reply;
};

struct PullResult {
    NTSTATUS status;
    std::vector<std::byte> bytes;
};

template <class Request>
std::span<const std::byte> bytes_of(const Request& request) {
    return std::as_bytes(std::span(&request, 1));
}

template <class Request>
Request make_request() {
    Request request{};
    request.Header.Version = AEGIS_CONTROL_VERSION;
    request.Header.Bytes = sizeof(Request);
    return request;
}

// The row of one callback in a query reply; all zero where there is none.
const AEGIS_CALLBACK_HEALTH& callback_row(const AEGIS_QUERY_REPLY& reply, std::uint32_t kind);

// A blob as AEGIS_IOCTL_SET_POLICY wants it.
std::vector<std::byte> set_policy_request(std::span<const std::byte> blob);

class Client {
  public:
    // A process of its own; `mappings` bounds its address space (two are needed for a setup).
    explicit Client(TestHost& host, host::Account account = host::Account::kAdministrator,
                    std::uint32_t mappings = UINT32_MAX);
    // The process exits, if it has not already.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    std::uint32_t pid() const { return pid_; }
    host::Process& process() { return *process_; }
    std::vector<host::UserMapping> mappings() const { return host_->executive().mappings(process_); }
    void exit();
    // Its handles are closed by a thread of `closer` that is attached to it.
    void exit_from(Client& closer);

    // --- device handles ---
    NTSTATUS open(ACCESS_MASK access = kReadWrite);
    NTSTATUS close();
    host::ProcessHandle device() const { return device_; }
    // Makes `handle` of this process the one that requests go to.
    void use(host::ProcessHandle handle) { device_ = handle; }
    // This client's device handle in another process, which starts to use it.
    NTSTATUS duplicate_to(Client& target);

    // --- events ---
    host::EventResult create_event(EVENT_TYPE type = SynchronizationEvent);
    // True when it was signalled; an auto-reset event no longer is then.
    bool take_signal(const host::EventResult& event);

    // --- requests ---
    host::IoResult control(ULONG code, std::span<const std::byte> input, std::span<std::byte> output);
    SetupResult setup(host::ProcessHandle event);
    // With an event of its own.
    SetupResult setup();
    NTSTATUS teardown();
    PullResult pull(std::size_t output_bytes = AEGIS_MAX_EVENT_SIZE);
    QueryResult query();
    SetPolicyResult set_policy(std::span<const std::byte> blob);
    GetPolicyResult get_policy();
    NTSTATUS protect();

    // --- handles to processes and threads: what the driver's callbacks have left of the access ---
    host::HandleResult open_process(std::uint32_t pid, ACCESS_MASK access);
    host::HandleResult open_thread(std::uint32_t tid, ACCESS_MASK access);
    ACCESS_MASK granted(const host::HandleResult& opened);

  private:
    TestHost* host_;
    std::uint32_t pid_;
    host::ProcessRef process_;
    host::ProcessHandle device_ = 0;
};

// The ring as a setup reply describes it, at the addresses of the reply.
ring::RingMemory<> ring_of(const AEGIS_RING_SETUP_REPLY& reply);
AEGIS_CONSUMER_PAGE* consumer_page_of(const AEGIS_RING_SETUP_REPLY& reply);

}  // namespace aegis::test
