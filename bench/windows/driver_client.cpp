#include "windows/driver_client.hpp"

#include <windows.h>

#include <cstdio>
#include <cstdlib>

#include "agent/client/win32/error_text.hpp"
#include "driver/test/test_ioctl.h"

namespace aegis::bench {
namespace {

constexpr DWORD kLongestWaitMilliseconds = 1000;

void require(std::uint32_t error, const char* what) {
    if (error != 0) {
        std::fprintf(stderr, "AegisBench: cannot %s: %s\n", what, client::describe_windows_error(error).c_str());
        std::exit(1);
    }
}

template <class Request>
Request make_request() {
    Request request{};
    request.Header.Version = AEGIS_CONTROL_VERSION;
    request.Header.Bytes = sizeof(Request);
    return request;
}

}  // namespace

std::unique_ptr<DriverClient> DriverClient::open(std::string* why) {
    std::unique_ptr<DriverClient> client(new DriverClient);
    client->device_.reset(CreateFileA(AEGIS_WIN32_PATH, GENERIC_READ | GENERIC_WRITE,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
    if (!client->device_) {
        *why = "cannot open " AEGIS_WIN32_PATH ": " + client::describe_windows_error(GetLastError()) +
               "; load test\\AegisMonTest.sys and use an elevated console";
        return nullptr;
    }
    auto nothing = make_request<AEGIS_TEST_PUBLISH_REQUEST>();
    if (const std::uint32_t error = client->send(AEGIS_IOCTL_TEST_PUBLISH, nothing); error != 0) {
        *why = "the driver that is loaded does not publish on request: " + client::describe_windows_error(error) +
               "; stop it and load test\\AegisMonTest.sys of the same build";
        return nullptr;
    }
    return client;
}

bool DriverClient::attach(std::string* why) {
    bell_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
    auto setup = make_request<AEGIS_RING_SETUP_REQUEST>();
    setup.EventHandle = reinterpret_cast<std::uintptr_t>(bell_.get());
    AEGIS_RING_SETUP_REPLY reply{};
    if (const std::uint32_t error = send(AEGIS_IOCTL_RING_SETUP, setup, std::as_writable_bytes(std::span(&reply, 1)));
        error != 0) {
        *why = client::describe_windows_error(error);
        return false;
    }
    const ring::OpenedRegion<> opened = ring::open_region(reinterpret_cast<void*>(reply.RingAddress), reply.RingBytes);
    if (opened.error != ring::RegionError::kNone) {
        *why = ring::describe(opened.error);
        return false;
    }
    memory_ = opened.memory;
    page_ = reinterpret_cast<AEGIS_CONSUMER_PAGE*>(reply.ConsumerPageAddress);
    return true;
}

void DriverClient::publish(std::uint32_t pairs) {
    auto request = make_request<AEGIS_TEST_PUBLISH_REQUEST>();
    request.Count = pairs;
    request.FirstProcessId = 1000;
    require(send(AEGIS_IOCTL_TEST_PUBLISH, request), "publish");
}

std::size_t DriverClient::pull(std::span<std::byte> buffer) {
    std::size_t bytes = 0;
    require(control(AEGIS_IOCTL_GET_EVENTS, {}, buffer, &bytes), "pull");
    return bytes;
}

AEGIS_QUERY_REPLY DriverClient::query() {
    AEGIS_QUERY_REPLY reply{};
    require(send(AEGIS_IOCTL_QUERY, make_request<AEGIS_QUERY_REQUEST>(), std::as_writable_bytes(std::span(&reply, 1))),
            "query the driver");
    return reply;
}

ring::DoorbellListener<> DriverClient::listener() const {
    using Word = ring::DoorbellListener<>::Word;
    return {reinterpret_cast<Word*>(&page_->WakeAt), reinterpret_cast<Word*>(&page_->Cursor)};
}

void DriverClient::wait() const {
    WaitForSingleObject(bell_.get(), kLongestWaitMilliseconds);
}

std::uint32_t DriverClient::control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                                    std::size_t* bytes) {
    DWORD returned = 0;
    // DeviceIoControl takes what it only reads through a pointer that is not const.
    if (!DeviceIoControl(device_.get(), code, const_cast<std::byte*>(request.data()),
                         static_cast<DWORD>(request.size()), reply.data(), static_cast<DWORD>(reply.size()), &returned,
                         nullptr)) {
        return GetLastError();
    }
    *bytes = returned;
    return 0;
}

template <class Request>
std::uint32_t DriverClient::send(std::uint32_t code, const Request& request, std::span<std::byte> reply) {
    std::size_t bytes = 0;
    if (const std::uint32_t error = control(code, std::as_bytes(std::span(&request, 1)), reply, &bytes); error != 0) {
        return error;
    }
    return bytes == reply.size() ? 0 : ERROR_REVISION_MISMATCH;
}

}  // namespace aegis::bench
