#include "driver_service.hpp"

#include <system_error>

namespace aegis::windows_test {
namespace {

constexpr int kPolls = 300;
constexpr DWORD kPollMilliseconds = 100;

[[noreturn]] void fail(const std::string& call) {
    throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), call);
}

}  // namespace

std::string sibling(const std::string& file_name) {
    char path[MAX_PATH];
    const DWORD length = GetModuleFileNameA(nullptr, path, MAX_PATH);
    if (length == 0 || length == MAX_PATH) {
        fail("GetModuleFileName");
    }
    const std::string program(path, length);
    return program.substr(0, program.rfind('\\') + 1) + file_name;
}

DriverService::DriverService(const std::string& name, const std::string& image)
    : name_(name), manager_(OpenSCManagerA(nullptr, nullptr, SC_MANAGER_ALL_ACCESS)) {
    if (manager_ == nullptr) {
        fail("OpenSCManager");
    }
    service_ = OpenServiceA(manager_, name.c_str(), SERVICE_ALL_ACCESS);
    if (service_ != nullptr) {
        SERVICE_STATUS status;
        ControlService(service_, SERVICE_CONTROL_STOP, &status);
        DeleteService(service_);
        CloseServiceHandle(service_);
    }
    service_ =
        CreateServiceA(manager_, name.c_str(), nullptr, SERVICE_ALL_ACCESS, SERVICE_KERNEL_DRIVER, SERVICE_DEMAND_START,
                       SERVICE_ERROR_NORMAL, sibling(image).c_str(), nullptr, nullptr, nullptr, nullptr, nullptr);
    if (service_ == nullptr) {
        CloseServiceHandle(manager_);
        fail("CreateService " + name);
    }
}

DriverService::~DriverService() {
    SERVICE_STATUS status;
    ControlService(service_, SERVICE_CONTROL_STOP, &status);
    DeleteService(service_);
    CloseServiceHandle(service_);
    CloseServiceHandle(manager_);
}

void DriverService::set_ring_kib(std::uint32_t kib) {
    const std::string key = R"(SYSTEM\CurrentControlSet\Services\)" + name_ + R"(\Parameters)";
    const LSTATUS status = RegSetKeyValueA(HKEY_LOCAL_MACHINE, key.c_str(), "RingKiB", REG_DWORD, &kib, sizeof(kib));
    if (status != ERROR_SUCCESS) {
        SetLastError(static_cast<DWORD>(status));
        fail("RegSetKeyValue " + key);
    }
}

void DriverService::start() {
    if (StartServiceA(service_, 0, nullptr) == 0) {
        fail("StartService " + name_);
    }
    for (int poll = 0; state() != SERVICE_RUNNING; ++poll) {
        if (poll == kPolls || state() == SERVICE_STOPPED) {
            SetLastError(ERROR_SERVICE_REQUEST_TIMEOUT);
            fail("waiting for " + name_ + " to run");
        }
        Sleep(kPollMilliseconds);
    }
}

void DriverService::stop() {
    request_stop();
    wait_until_stopped();
}

void DriverService::request_stop() {
    SERVICE_STATUS status;
    if (ControlService(service_, SERVICE_CONTROL_STOP, &status) == 0) {
        fail("stopping " + name_);
    }
}

void DriverService::wait_until_stopped() const {
    for (int poll = 0; state() != SERVICE_STOPPED; ++poll) {
        if (poll == kPolls) {
            SetLastError(ERROR_SERVICE_REQUEST_TIMEOUT);
            fail("waiting for " + name_ + " to stop");
        }
        Sleep(kPollMilliseconds);
    }
}

DWORD DriverService::state() const {
    SERVICE_STATUS status;
    if (QueryServiceStatus(service_, &status) == 0) {
        fail("QueryServiceStatus " + name_);
    }
    return status.dwCurrentState;
}

}  // namespace aegis::windows_test
