#include "driver/support/test_host.hpp"

#include <string_view>
#include <utility>

namespace aegis::test {

TestHost::TestHost() {
    host::ExecutiveOptions options;
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

NTSTATUS TestHost::load_with_slots(ULONG slot_count) {
    return load(service_with_slots(slot_count));
}

host::UnloadResult TestHost::unload() {
    return executive_->unload_driver();
}

std::vector<DebugLine> TestHost::take_debug_lines() {
    const std::lock_guard lock(mutex_);
    return std::exchange(debug_lines_, {});
}

host::ServiceOptions service_with_slots(ULONG slot_count) {
    host::ServiceOptions service;
    service.parameters[u"SlotCount"] = host::registry_dword(slot_count);
    return service;
}

}  // namespace aegis::test
