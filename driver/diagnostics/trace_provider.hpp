// The driver as an ETW provider.
#pragma once

#include <cstddef>
#include <cstdint>

#include "diagnostics/trace_logging.hpp"
#include "nt/nt.hpp"

namespace aegis::driver {

// How ETW tools find it: "Aegis.AegisMon", and the id that they derive from that name, as .NET's EventSource does.
inline constexpr char kTraceProviderName[] = "Aegis.AegisMon";
inline constexpr GUID kTraceProviderId = {0x94821173, 0xa86d, 0x5c7c, {0xdb, 0xd9, 0x88, 0x17, 0xbb, 0x5e, 0xc7, 0xa1}};

// start, then writes from anywhere, then stop, when nobody writes any more; so nothing here needs a lock.
class TraceProvider {
  public:
    // Registers. Where ETW is missing or refuses, the driver goes on and writes go nowhere: STATUS_PROCEDURE_NOT_FOUND,
    // or what the kernel answered. IRQL PASSIVE_LEVEL.
    NTSTATUS start();

    // Nothing when start failed. IRQL PASSIVE_LEVEL.
    void stop();

    // Values are nonpaged memory, which a stack and a literal are. ETW counts what its sessions lose. Any IRQL.
    template <std::size_t kBytes, class... Values>
    void write(const trace::Event<kBytes, Values...>& event, const Values&... values) const {
        trace::Data data[2 + sizeof...(Values)] = {
            provider_metadata(),
            {reinterpret_cast<std::uintptr_t>(event.metadata.bytes), kBytes, trace::kEventMetadata},
            value(values)...};
        const trace::Descriptor descriptor{0, 0, trace::kChannel, static_cast<std::uint8_t>(event.level),
                                           0, 0, event.keyword};
        write(descriptor, data, 2 + sizeof...(Values));
    }

  private:
    using Register = NTSTATUS(NTAPI*)(const GUID* provider, PVOID enable_callback, PVOID context,
                                      std::uint64_t* handle);
    using SetInformation = NTSTATUS(NTAPI*)(std::uint64_t handle, std::uint32_t kind, PVOID information,
                                            std::uint32_t bytes);
    // A trace::Descriptor, and trace::Data: without types of ours in it, the type is the same wherever it is declared.
    using Write = NTSTATUS(NTAPI*)(std::uint64_t handle, const void* event, const GUID* activity,
                                   std::uint32_t data_count, PVOID data);
    using Unregister = NTSTATUS(NTAPI*)(std::uint64_t handle);

    static trace::Data provider_metadata();
    static trace::Data value(const Literal& text);
    template <class Number>
    static trace::Data value(const Number& number) {
        return {reinterpret_cast<std::uintptr_t>(&number), sizeof(number), trace::kValue};
    }
    void write(const trace::Descriptor& descriptor, trace::Data* data, std::uint32_t count) const;

    // Looked up: Wine has none of them, and an image that imports what is not there calls into nothing.
    Write write_ = nullptr;
    Unregister unregister_ = nullptr;
    std::uint64_t handle_ = 0;  // 0: not registered
};

}  // namespace aegis::driver
