#include "driver/support/client.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>

namespace aegis::test {
namespace {

// What output buffers are filled with, so that a byte the executive should not have written shows.
constexpr std::byte kUntouched{0x5A};

std::uint32_t next_pid() {
    static std::atomic<std::uint32_t> pid = 4000;
    return pid.fetch_add(4, std::memory_order_relaxed);
}

}  // namespace

const AEGIS_CALLBACK_HEALTH& callback_row(const AEGIS_QUERY_REPLY& reply, std::uint32_t kind) {
    static constexpr AEGIS_CALLBACK_HEALTH kNone{};
    const auto* const row = std::ranges::find(reply.Callbacks, kind, &AEGIS_CALLBACK_HEALTH::Kind);
    return row == std::end(reply.Callbacks) ? kNone : *row;
}

Client::Client(TestHost& host, host::Account account, std::uint32_t mappings)
    : host_(&host),
      pid_(next_pid()),
      process_(host->create_process(pid_, account, std::make_unique<host::LocalAddressSpace>(mappings))) {}

Client::~Client() {
    exit();
}

void Client::exit() {
    host_->executive().exit_process(process_);
}

void Client::exit_from(Client& closer) {
    host_->executive().exit_process_from(*closer.process_, process_);
}

NTSTATUS Client::open(ACCESS_MASK access) {
    const host::HandleResult opened = host_->executive().open(*process_, u"\\??\\AegisMon", access);
    device_ = opened.handle;
    return opened.status;
}

NTSTATUS Client::close() {
    return host_->executive().close(*process_, std::exchange(device_, 0));
}

NTSTATUS Client::duplicate_to(Client& target) {
    const host::HandleResult duplicate = host_->executive().duplicate_handle(*process_, device_, *target.process_);
    target.device_ = duplicate.handle;
    return duplicate.status;
}

host::EventResult Client::create_event(EVENT_TYPE type) {
    return host_->executive().create_event(*process_, type, false);
}

bool Client::take_signal(const host::EventResult& event) {
    bool signalled = false;
    pollfd readable{event.descriptor, POLLIN, 0};
    while (::poll(&readable, 1, 0) == 1) {
        std::array<char, 64> drain;
        signalled = ::read(event.descriptor, drain.data(), drain.size()) > 0 || signalled;
    }
    return signalled;
}

host::IoResult Client::control(ULONG code, std::span<const std::byte> input, std::span<std::byte> output) {
    return host_->executive().device_control(*process_, device_, code, input, output);
}

SetupResult Client::setup(host::ProcessHandle event) {
    auto request = make_request<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = event;
    SetupResult result{};
    const host::IoResult io =
        control(AEGIS_IOCTL_RING_SETUP, bytes_of(request), std::as_writable_bytes(std::span(&result.reply, 1)));
    result.status = io.status;
    result.information = io.information;
    return result;
}

SetupResult Client::setup() {
    return setup(create_event().handle);
}

NTSTATUS Client::teardown() {
    return control(AEGIS_IOCTL_RING_TEARDOWN, bytes_of(make_request<AEGIS_RING_TEARDOWN_REQUEST>()), {}).status;
}

PullResult Client::pull(std::size_t output_bytes) {
    PullResult result{STATUS_SUCCESS, std::vector<std::byte>(output_bytes, kUntouched)};
    const host::IoResult io = control(AEGIS_IOCTL_GET_EVENTS, {}, result.bytes);
    for (std::size_t i = io.information; i < output_bytes; ++i) {
        EXPECT_EQ(result.bytes[i], kUntouched) << "byte " << i << " beyond Information was written";
    }
    result.status = io.status;
    result.bytes.resize(io.information);
    return result;
}

QueryResult Client::query() {
    QueryResult result{STATUS_SUCCESS, 0, std::make_unique<AEGIS_QUERY_REPLY>()};
    const host::IoResult io = control(AEGIS_IOCTL_QUERY, bytes_of(make_request<AEGIS_QUERY_REQUEST>()),
                                      std::as_writable_bytes(std::span(result.reply.get(), 1)));
    result.status = io.status;
    result.information = io.information;
    return result;
}

std::vector<std::byte> set_policy_request(std::span<const std::byte> blob) {
    const AEGIS_REQUEST_HEADER header{AEGIS_CONTROL_VERSION, static_cast<std::uint32_t>(sizeof(header) + blob.size())};
    std::vector<std::byte> request(header.Bytes);
    std::memcpy(request.data(), &header, sizeof(header));
    std::copy(blob.begin(), blob.end(), request.data() + sizeof(header));
    return request;
}

SetPolicyResult Client::set_policy(std::span<const std::byte> blob) {
    SetPolicyResult result{};
    const host::IoResult io =
        control(AEGIS_IOCTL_SET_POLICY, set_policy_request(blob), std::as_writable_bytes(std::span(&result.reply, 1)));
    result.status = io.status;
    result.information = io.information;
    return result;
}

NTSTATUS Client::protect() {
    return control(AEGIS_IOCTL_PROTECT, bytes_of(make_request<AEGIS_PROTECT_REQUEST>()), {}).status;
}

host::HandleResult Client::open_process(std::uint32_t pid, ACCESS_MASK access) {
    return (*host_)->open_process(*process_, pid, access);
}

host::HandleResult Client::open_thread(std::uint32_t tid, ACCESS_MASK access) {
    return (*host_)->open_thread(*process_, tid, access);
}

ACCESS_MASK Client::granted(const host::HandleResult& opened) {
    return (*host_)->granted_access(*process_, opened.handle).value_or(0);
}

GetPolicyResult Client::get_policy() {
    GetPolicyResult result{STATUS_SUCCESS, std::make_unique<AEGIS_GET_POLICY_REPLY>()};
    result.status = control(AEGIS_IOCTL_GET_POLICY, bytes_of(make_request<AEGIS_GET_POLICY_REQUEST>()),
                            std::as_writable_bytes(std::span(result.reply.get(), 1)))
                        .status;
    return result;
}

ring::RingMemory<> ring_of(const AEGIS_RING_SETUP_REPLY& reply) {
    const auto opened = ring::open_region(reinterpret_cast<void*>(reply.RingAddress), reply.RingBytes);
    EXPECT_EQ(opened.error, ring::RegionError::kNone);
    return opened.memory;
}

AEGIS_CONSUMER_PAGE* consumer_page_of(const AEGIS_RING_SETUP_REPLY& reply) {
    return reinterpret_cast<AEGIS_CONSUMER_PAGE*>(reply.ConsumerPageAddress);
}

}  // namespace aegis::test
