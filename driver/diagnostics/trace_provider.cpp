#include "diagnostics/trace_provider.hpp"

#include "nt/system_routine.hpp"

namespace aegis::driver {
namespace {

constexpr auto kProvider = trace::provider(kTraceProviderName);

// EtwSetInformation's: the provider's metadata, and that Data::Type means something.
constexpr std::uint32_t kSetTraits = 2;

}  // namespace

NTSTATUS TraceProvider::start() {
    const auto register_provider = find_system_routine<Register>(u"EtwRegister");
    const auto set_information = find_system_routine<SetInformation>(u"EtwSetInformation");
    write_ = find_system_routine<Write>(u"EtwWrite");
    unregister_ = find_system_routine<Unregister>(u"EtwUnregister");
    if (register_provider == nullptr || write_ == nullptr || unregister_ == nullptr) {
        return STATUS_PROCEDURE_NOT_FOUND;
    }
    NTSTATUS status = register_provider(&kTraceProviderId, nullptr, nullptr, &handle_);
    if (!NT_SUCCESS(status)) {
        handle_ = 0;
        return status;
    }
    if (set_information == nullptr) {
        return STATUS_SUCCESS;  // Windows before 10, which needs none
    }
    // Without it ETW would take the metadata for values: better no events than such that no tool can read.
    status = set_information(handle_, kSetTraits, const_cast<std::uint8_t*>(kProvider.bytes), kProvider.size());
    if (!NT_SUCCESS(status)) {
        stop();
    }
    return status;
}

void TraceProvider::stop() {
    if (handle_ != 0) {
        unregister_(handle_);
        handle_ = 0;
    }
}

trace::Data TraceProvider::provider_metadata() {
    return {reinterpret_cast<std::uintptr_t>(kProvider.bytes), kProvider.size(), trace::kProviderMetadata};
}

trace::Data TraceProvider::value(const Literal& text) {
    return {reinterpret_cast<std::uintptr_t>(text.text), text.bytes, trace::kValue};
}

void TraceProvider::write(const trace::Descriptor& descriptor, trace::Data* data, std::uint32_t count) const {
    if (handle_ != 0) {
        write_(handle_, &descriptor, nullptr, count, data);
    }
}

}  // namespace aegis::driver
