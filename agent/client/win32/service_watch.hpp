// Whether somebody stops the driver. NT tells nobody: `sc stop` marks the driver, which goes when the last handle to it
// is closed, and whoever holds one has to find out and close it.
#pragma once

#include <windows.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "agent/client/win32/unique_handle.hpp"

namespace aegis::client {

// Asks the service manager twice a second: it learns a driver's state when it is asked, and sends no notifications
// about drivers (NotifyServiceStatusChange is for service programs only).
class ServiceWatch {
  public:
    // `stop`, a manual-reset event, is set when the service stops, for good; it outlives this.
    explicit ServiceWatch(HANDLE stop) : stop_(stop) {}
    ~ServiceWatch();
    ServiceWatch(const ServiceWatch&) = delete;
    ServiceWatch& operator=(const ServiceWatch&) = delete;

    // Once, after the driver was opened. Returns why this service cannot be watched.
    std::optional<std::string> start(const wchar_t* service);

    // From the look that found it on, for good. Any thread.
    bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  private:
    struct CloseService {
        using pointer = SC_HANDLE;
        void operator()(SC_HANDLE handle) const { CloseServiceHandle(handle); }
    };
    using ServiceHandle = std::unique_ptr<SC_HANDLE, CloseService>;

    void look_until_it_stops();

    const HANDLE stop_;
    UniqueHandle ended_;
    ServiceHandle service_;
    std::atomic<bool> stopping_{false};  // says nothing about other memory: relaxed
    std::thread thread_;
};

}  // namespace aegis::client
