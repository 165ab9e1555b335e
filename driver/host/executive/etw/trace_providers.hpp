// The providers that the driver has registered with ETW, and the functions it does that with. ntifs.h has none of them:
// mingw-w64's headers for drivers lack their types, and Wine the functions, so drivers look them up by name.
#pragma once

#include <ntifs.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "driver/host/executive/etw/trace_event.hpp"

namespace aegis::host {

using EtwHandle = std::uint64_t;

class TraceProviders {
  public:
    // A handle that was never given before.
    EtwHandle add(const GUID& id);
    // False when there is none, now or any more.
    bool remove(EtwHandle handle);
    bool contains(EtwHandle handle) const;

    // From now on the provider's data say what they are, and name it so.
    void set_name(EtwHandle handle, std::string name);
    // Empty as long as nobody has said.
    std::string name_of(EtwHandle handle) const;

    // One line for each provider that is still registered.
    std::string describe_leaks() const;

  private:
    struct Provider {
        GUID id;
        std::string name;
    };

    mutable std::mutex mutex_;  // protects what follows
    std::map<EtwHandle, Provider> providers_;
    EtwHandle last_ = 0;
};

}  // namespace aegis::host

// PASSIVE_LEVEL.
extern "C" NTSTATUS NTAPI EtwRegister(const GUID* ProviderId, PVOID EnableCallback, PVOID CallbackContext,
                                      std::uint64_t* RegHandle);
// PASSIVE_LEVEL. Of the kinds of information there are, a provider's traits.
extern "C" NTSTATUS NTAPI EtwSetInformation(std::uint64_t RegHandle, ULONG InformationClass, PVOID EventInformation,
                                            ULONG InformationLength);
// Any IRQL; above APC_LEVEL everything that is handed over is nonpaged. The driver's events are TraceLogging's:
// anything else is a stop. An EtwDescriptor, and so many EtwData.
extern "C" NTSTATUS NTAPI EtwWrite(std::uint64_t RegHandle, const void* EventDescriptor, const GUID* ActivityId,
                                   ULONG UserDataCount, PVOID UserData);
// PASSIVE_LEVEL.
extern "C" NTSTATUS NTAPI EtwUnregister(std::uint64_t RegHandle);
