#include "diagnostics/diagnostics.hpp"

#include "diagnostics/trace_provider.hpp"
#include "nt/debug_print.hpp"

namespace aegis::driver {
namespace {

using trace::Level;

// What a session may ask for.
constexpr std::uint64_t kLifeCycle = 1;
constexpr std::uint64_t kProtection = 2;
constexpr std::uint64_t kPolicy = 4;
constexpr std::uint64_t kRefusal = 8;

constexpr auto kStep = trace::event(Level::kVerbose, kLifeCycle, "LoadStep", trace::text("Step"));
constexpr auto kFailedStep =
    trace::event(Level::kError, kLifeCycle, "LoadStepFailed", trace::text("Step"), trace::status("Status"));
constexpr auto kReady = trace::event(Level::kInformation, kLifeCycle, "Ready", trace::number("RingKiB"));
constexpr auto kMissingSensor =
    trace::event(Level::kWarning, kProtection, "SensorMissing", trace::text("Sensor"), trace::status("Status"));
constexpr auto kAltitude =
    trace::event(Level::kInformation, kProtection, "SensorAltitude", trace::text("Sensor"), trace::number("Altitude"));
constexpr auto kIgnoredParameter =
    trace::event(Level::kWarning, kLifeCycle, "ParameterIgnored", trace::text("Parameter"), trace::status("Status"),
                 trace::number("Value"), trace::number("RingKiB"));
constexpr auto kPolicySet =
    trace::event(Level::kInformation, kPolicy, "PolicySet", trace::count("Generation"), trace::process("ProcessId"));
constexpr auto kPolicyEnded = trace::event(Level::kInformation, kPolicy, "PolicyEnded", trace::count("Generation"));
constexpr auto kPolicyNotTaken =
    trace::event(Level::kError, kPolicy, "PolicyNotTaken", trace::process("ProcessId"), trace::status("Status"));
constexpr auto kRefused =
    trace::event(Level::kInformation, kRefusal, "Refused", trace::text("What"), trace::process("ProcessId"));
constexpr auto kInternalFailure = trace::event(Level::kCritical, kProtection, "InternalFailure", trace::text("Reason"));
constexpr auto kUnload =
    trace::event(Level::kInformation, kLifeCycle, "Unload", trace::count("Published"), trace::count("Lost"));

constinit TraceProvider g_provider;

}  // namespace

void start_diagnostics() {
    const NTSTATUS status = g_provider.start();
    if (!NT_SUCCESS(status)) {
        debug_info("AegisMon: no ETW events: 0x%08x\n", status);
    }
}

void stop_diagnostics() {
    g_provider.stop();
}

void report_step(Literal step) {
    g_provider.write(kStep, step);
}

NTSTATUS failed(Literal step, NTSTATUS status) {
    debug_error("AegisMon: cannot %s: 0x%08x\n", step.text, status);
    g_provider.write(kFailedStep, step, status);
    return status;
}

void report_ready(std::uint32_t ring_kib) {
    debug_info("AegisMon: ready, ring of %u KiB\n", ring_kib);
    g_provider.write(kReady, ring_kib);
}

void report_missing_sensor(Literal sensor, NTSTATUS status) {
    debug_error("AegisMon: cannot register the %s, going on without it: 0x%08x\n", sensor.text, status);
    g_provider.write(kMissingSensor, sensor, status);
}

void report_altitude(Literal sensor, std::uint32_t altitude) {
    debug_info("AegisMon: the %s is at altitude %u: others have those below\n", sensor.text, altitude);
    g_provider.write(kAltitude, sensor, altitude);
}

void report_ignored_parameter(Literal name, NTSTATUS status, std::uint32_t value, std::uint32_t ring_kib) {
    g_provider.write(kIgnoredParameter, name, status, value, ring_kib);
}

void report_policy_set(std::uint64_t generation, std::uint32_t process_id) {
    g_provider.write(kPolicySet, generation, process_id);
}

void report_policy_ended(std::uint64_t generation) {
    g_provider.write(kPolicyEnded, generation);
}

void report_policy_not_taken(std::uint32_t process_id, NTSTATUS status) {
    g_provider.write(kPolicyNotTaken, process_id, status);
}

void report_refusal(Literal what, std::uint32_t process_id) {
    g_provider.write(kRefused, what, process_id);
}

void report_internal_failure(Literal why) {
    debug_error("AegisMon: internal failure: %s; from now on events are counted, not published\n", why.text);
    g_provider.write(kInternalFailure, why);
}

void report_unload(std::uint64_t published, std::uint64_t lost) {
    g_provider.write(kUnload, published, lost);
}

}  // namespace aegis::driver
