#include "driver/support/test_host.hpp"

#include <string_view>
#include <utility>

namespace aegis::test {
namespace {

// NT passes DriverEntry no context.
DRIVER_INITIALIZE* g_entry = nullptr;
const DriverObjectHooks* g_hooks = nullptr;

NTSTATUS NTAPI hooked_entry(PDRIVER_OBJECT driver, PUNICODE_STRING service_key) {
    if (g_hooks->before) {
        g_hooks->before(*driver);
    }
    const NTSTATUS status = g_entry(driver, service_key);
    if (NT_SUCCESS(status) && g_hooks->after) {
        g_hooks->after(*driver);
    }
    return status;
}

}  // namespace

TestHost::TestHost(host::ExecutiveOptions options) {
    options.debug_print = [this](ULONG level, std::string_view line) {
        const std::lock_guard lock(mutex_);
        debug_lines_.push_back({level, std::string(line)});
    };
    executive_ = std::make_unique<host::Executive>(std::move(options));
}

TestHost::~TestHost() {
    unload();
}

NTSTATUS TestHost::load(const host::ServiceOptions& service) {
    return executive_->load_driver(driver_.fresh_entry(), service);
}

NTSTATUS TestHost::load_small() {
    return load(service_with_ring(AEGIS_RING_KIB_MIN));
}

NTSTATUS TestHost::load_hooked(const DriverObjectHooks& hooks) {
    g_entry = driver_.fresh_entry();
    g_hooks = &hooks;
    return executive_->load_driver(hooked_entry, {});
}

host::UnloadResult TestHost::unload() {
    return executive_->unload_driver();
}

std::vector<DebugLine> TestHost::take_debug_lines() {
    const std::lock_guard lock(mutex_);
    return std::exchange(debug_lines_, {});
}

host::ServiceOptions service_with_ring(ULONG kib) {
    host::ServiceOptions service;
    service.parameters[u"RingKiB"] = host::registry_dword(kib);
    return service;
}

}  // namespace aegis::test
