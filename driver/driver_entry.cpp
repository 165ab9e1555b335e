// Load and unload. Each step of the ladder has its undo beside it; unload is the ladder read backwards.
#include "consumers/owner_exit.hpp"
#include "control/dispatch.hpp"
#include "control/driver.hpp"
#include "control/service_parameters.hpp"
#include "diagnostics/diagnostics.hpp"
#include "nt/scope_guard.hpp"

namespace aegis::driver {
namespace {

constinit Driver g_driver;

// IRQL PASSIVE_LEVEL.
void report_end(const ChannelCounters& counters) {
    std::uint64_t lost = 0;
    for (const std::uint64_t events : counters.lost_before) {
        lost += events;
    }
    report_unload(counters.published, lost);
}

// Sensors first, so that nothing is produced any more; then the transport; the ring's memory last. No handle is open,
// the I/O manager waits for the last one: so no mapping is left in which anybody could be told of the end.
// IRQL PASSIVE_LEVEL.
void NTAPI unload(PDRIVER_OBJECT /*driver*/) {
    g_driver.sensors.stop();
    stop_owner_exit_watch();
    g_driver.device.destroy();
    g_driver.policies.destroy();
    report_end(g_driver.channel.counters());
    g_driver.channel.destroy();
    stop_diagnostics();
}

// IRQL PASSIVE_LEVEL. NT does not call unload when this fails: the guards undo what was done.
NTSTATUS load(PDRIVER_OBJECT driver, PUNICODE_STRING service_key) {
    driver->DriverUnload = unload;
    fill_dispatch_table(driver);

    start_diagnostics();
    ScopeGuard end_diagnostics([] { stop_diagnostics(); });

    NTSTATUS status = g_driver.clock.initialize();
    if (!NT_SUCCESS(status)) {
        return failed("find a system clock", status);
    }

    const ServiceParameters parameters = read_service_parameters(service_key);
    status = g_driver.channel.create(ring::cells_in_kib(parameters.ring_kib));
    if (!NT_SUCCESS(status)) {
        return failed("create the ring", status);
    }
    ScopeGuard destroy_channel([] { g_driver.channel.destroy(); });
    report_step("create the ring");
    g_driver.handles.initialize(g_driver.channel, g_driver.policies.protected_processes());

    status = g_driver.policies.create(g_driver.channel, g_driver.clock);
    if (!NT_SUCCESS(status)) {
        return failed("make the table of upper case", status);
    }
    ScopeGuard destroy_policies([] { g_driver.policies.destroy(); });
    report_step("make the table of upper case");

    status = g_driver.device.create(driver);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    ScopeGuard destroy_device([] { g_driver.device.destroy(); });
    report_step("create the device");

    status = start_owner_exit_watch(g_driver.handles, g_driver.clock);
    if (!NT_SUCCESS(status)) {
        return failed("watch for consumers that exit", status);
    }
    report_step("watch for consumers that exit");

    g_driver.sensors.start(all_sensors(), {&g_driver.channel, &g_driver.clock, &g_driver.policies, driver});

    destroy_device.keep();
    destroy_policies.keep();
    destroy_channel.keep();
    end_diagnostics.keep();
    report_ready(parameters.ring_kib);
    return STATUS_SUCCESS;
}

}  // namespace

Driver& the_driver() {
    return g_driver;
}

}  // namespace aegis::driver

extern "C" NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING service_key) {
    return aegis::driver::load(driver, service_key);
}
