#include "driver/host/executive/io/driver_load.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "driver/host/executive/io/driver_call.hpp"
#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/text.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {
namespace {

std::string describe_kernel_handles() {
    std::string text;
    for (const HandleTable::Entry& entry : executive_parts().processes.system().handles.entries()) {
        text += fmt::format("kernel handle to {}; ", entry.object->describe());
    }
    return text;
}

// `when` ends a sentence like "the driver left … after DriverUnload".
void require_nothing_left(const char* when) {
    ExecutiveParts& parts = executive_parts();
    parts.objects.destroy_deferred();
    const auto stop_if_any = [&](Bugcheck code, const std::string& left) {
        if (!left.empty()) {
            verifier_stop(code, fmt::format("left behind {}: {}", when, left.substr(0, left.size() - 2)));
        }
    };
    stop_if_any(Bugcheck::kDriverUnloadedWithoutCancellingPendingOperations,
                parts.notify.list().describe_leaks() + parts.thread_notify.describe_leaks() +
                    parts.image_notify.describe_leaks() + parts.object_callbacks.describe_leaks() +
                    parts.registry_callbacks.describe_leaks() + parts.trace_providers.describe_leaks());
    const int contexts = parts.subject_contexts.load(std::memory_order_relaxed);
    stop_if_any(Bugcheck::kDriverVerifierDetectedViolation,
                parts.io.describe_leaks() + describe_kernel_handles() + parts.objects.describe_leaks() +
                    parts.token_references.describe_leaks() +
                    (contexts != 0 ? fmt::format("{} captured subject context(s); ", contexts) : "") +
                    parts.mdls.describe_leaks() + parts.pool.describe_leaks() + parts.key_names.describe_leaks());
    parts.notify.list().forget_removed();
    parts.thread_notify.forget_removed();
    parts.image_notify.forget_removed();
    parts.registry_callbacks.forget_removed();
}

}  // namespace

NTSTATUS load_driver(DRIVER_INITIALIZE* entry, const ServiceOptions& service) {
    ExecutiveParts& parts = executive_parts();
    const Referenced<DriverObject> driver(new DriverObject(entry, service.service, parts.hive.set_service(service)));
    driver->reference();
    if (!parts.io.begin_load(Referenced<DriverObject>(driver.get()))) {
        return STATUS_ALREADY_REGISTERED;
    }
    NTSTATUS status = STATUS_SUCCESS;
    {
        const ThreadInProcess in_system(parts.processes.system(), KernelMode);
        const DriverCall call("DriverEntry");
        // A copy in memory of its own, gone after the call: a driver that keeps the pointer is found out.
        const auto path = std::make_unique<UNICODE_STRING>(driver->registry_path());
        status = call.run(entry, driver->nt(), path.get());
    }
    if (NT_SUCCESS(status)) {
        driver->fill_empty_slots();
        parts.io.finish_load();
    } else {
        require_nothing_left("after DriverEntry failed");
        parts.io.forget_driver();
    }
    return status;
}

void finish_unload() {
    ExecutiveParts& parts = executive_parts();
    DriverObject& driver = *parts.io.driver();
    // On NT nobody looks any more when DriverUnload runs: the last handle is closed, and with it went the last mapping.
    parts.pool.stop_sharing();
    {
        const ThreadInProcess in_system(parts.processes.system(), KernelMode);
        const DriverCall call("DriverUnload");
        call.run(driver.nt()->DriverUnload, driver.nt());
    }
    require_nothing_left("after DriverUnload");
    parts.io.forget_driver();
}

}  // namespace aegis::host
