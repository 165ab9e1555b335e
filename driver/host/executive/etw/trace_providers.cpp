#include "driver/host/executive/etw/trace_providers.hpp"

#include <fmt/format.h>

#include <utility>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

EtwHandle TraceProviders::add(const GUID& id) {
    const std::lock_guard lock(mutex_);
    providers_.emplace(++last_, Provider{id, ""});
    return last_;
}

bool TraceProviders::remove(EtwHandle handle) {
    const std::lock_guard lock(mutex_);
    return providers_.erase(handle) != 0;
}

bool TraceProviders::contains(EtwHandle handle) const {
    const std::lock_guard lock(mutex_);
    return providers_.contains(handle);
}

void TraceProviders::set_name(EtwHandle handle, std::string name) {
    const std::lock_guard lock(mutex_);
    providers_.at(handle).name = std::move(name);
}

std::string TraceProviders::name_of(EtwHandle handle) const {
    const std::lock_guard lock(mutex_);
    return providers_.at(handle).name;
}

std::string TraceProviders::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [handle, provider] : providers_) {
        text += fmt::format("ETW provider {:08x}-{:04x}-{:04x}-… registered; ", provider.id.Data1, provider.id.Data2,
                            provider.id.Data3);
    }
    return text;
}

namespace {

void require_registered(EtwHandle handle, const char* function) {
    if (!executive_parts().trace_providers.contains(handle)) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} with {}, which is no registered ETW provider", function, handle));
    }
}

[[noreturn]] void stop_malformed(const char* function, const std::string& wrong) {
    verifier_stop(Bugcheck::kDriverVerifierDetectedViolation, fmt::format("{}: {}", function, wrong));
}

// Without the provider's word for it Windows takes metadata for values.
void require_described(EtwHandle handle, const TraceEvent& event) {
    const std::string named = executive_parts().trace_providers.name_of(handle);
    if (!named.empty() && named != event.provider) {
        stop_malformed("EtwWrite", fmt::format("provider {} writes as {}", named, event.provider));
    }
}

}  // namespace
}  // namespace aegis::host

using namespace aegis::host;

extern "C" NTSTATUS NTAPI EtwRegister(const GUID* ProviderId, PVOID /*EnableCallback*/, PVOID /*CallbackContext*/,
                                      std::uint64_t* RegHandle) {
    require_irql(PASSIVE_LEVEL, "EtwRegister");
    ExecutiveParts& parts = executive_parts();
    if (parts.faults.should_fail("EtwRegister")) {
        return STATUS_NO_MEMORY;
    }
    *RegHandle = parts.trace_providers.add(*ProviderId);
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI EtwSetInformation(std::uint64_t RegHandle, ULONG InformationClass, PVOID EventInformation,
                                            ULONG InformationLength) {
    constexpr ULONG kEventProviderSetTraits = 2;
    require_irql(PASSIVE_LEVEL, "EtwSetInformation");
    require_registered(RegHandle, "EtwSetInformation");
    ExecutiveParts& parts = executive_parts();
    if (InformationClass != kEventProviderSetTraits) {
        return STATUS_NOT_SUPPORTED;
    }
    if (parts.faults.should_fail("EtwSetInformation")) {
        return STATUS_NO_MEMORY;
    }
    const auto provider = decode_provider({static_cast<const std::byte*>(EventInformation), InformationLength});
    if (const auto* const wrong = std::get_if<std::string>(&provider)) {
        stop_malformed("EtwSetInformation", *wrong);
    }
    parts.trace_providers.set_name(RegHandle, std::get<ProviderName>(provider).text);
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI EtwWrite(std::uint64_t RegHandle, const void* EventDescriptor, const GUID* /*ActivityId*/,
                                   ULONG UserDataCount, PVOID UserData) {
    require_registered(RegHandle, "EtwWrite");
    const auto decoded = decode_trace_event(*static_cast<const EtwDescriptor*>(EventDescriptor),
                                            {static_cast<const EtwData*>(UserData), UserDataCount});
    if (const auto* const wrong = std::get_if<std::string>(&decoded)) {
        stop_malformed("EtwWrite", *wrong);
    }
    ExecutiveParts& parts = executive_parts();
    require_described(RegHandle, std::get<TraceEvent>(decoded));
    if (parts.faults.should_fail("EtwWrite")) {
        return STATUS_NO_MEMORY;
    }
    if (parts.options.trace) {
        parts.options.trace(std::get<TraceEvent>(decoded));
    }
    return STATUS_SUCCESS;
}

extern "C" NTSTATUS NTAPI EtwUnregister(std::uint64_t RegHandle) {
    require_irql(PASSIVE_LEVEL, "EtwUnregister");
    require_registered(RegHandle, "EtwUnregister");
    executive_parts().trace_providers.remove(RegHandle);
    return STATUS_SUCCESS;
}
