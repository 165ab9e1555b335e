#include "agent/client/win32/service_watch.hpp"

#include <fmt/format.h>

#include "agent/client/win32/error_text.hpp"

namespace aegis::client {
namespace {

constexpr DWORD kMillisecondsBetweenLooks = 500;

bool is_stopping(const SERVICE_STATUS& status) {
    return status.dwCurrentState == SERVICE_STOP_PENDING || status.dwCurrentState == SERVICE_STOPPED;
}

std::string last_error() {
    return describe_windows_error(GetLastError());
}

}  // namespace

ServiceWatch::~ServiceWatch() {
    if (thread_.joinable()) {
        SetEvent(ended_.get());
        thread_.join();
    }
}

std::optional<std::string> ServiceWatch::start(const wchar_t* service) {
    const ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    if (!manager) {
        return fmt::format("cannot reach the service manager: {}", last_error());
    }
    service_.reset(OpenServiceW(manager.get(), service, SERVICE_QUERY_STATUS));
    SERVICE_STATUS status;
    if (!service_ || !QueryServiceStatus(service_.get(), &status)) {
        return fmt::format("cannot query it: {}", last_error());
    }
    if (status.dwCurrentState == SERVICE_STOPPED) {
        return "it is stopped, so the driver was loaded by another service";
    }
    ended_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!ended_) {
        return fmt::format("cannot create an event: {}", last_error());
    }
    thread_ = std::thread([this] { look_until_it_stops(); });
    return std::nullopt;
}

void ServiceWatch::look_until_it_stops() {
    do {
        SERVICE_STATUS status;
        // A query that fails says nothing about the driver: the service manager may be busy, or going down itself.
        if (QueryServiceStatus(service_.get(), &status) && is_stopping(status)) {
            stopping_.store(true, std::memory_order_relaxed);
            SetEvent(stop_);
            return;
        }
    } while (WaitForSingleObject(ended_.get(), kMillisecondsBetweenLooks) == WAIT_TIMEOUT);
}

}  // namespace aegis::client
