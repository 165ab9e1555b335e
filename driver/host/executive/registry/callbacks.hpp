// Registry callbacks: who is registered, at which altitude, and the calls around one operation.
#pragma once

#include <ntifs.h>

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/registry/key_object.hpp"

namespace aegis::host {

class RegistryCallbacks {
  public:
    // STATUS_FLT_INSTANCE_ALTITUDE_COLLISION where the altitude is taken. The cookie is there before the first call.
    NTSTATUS add(PEX_CALLBACK_FUNCTION function, std::u16string_view altitude, PVOID context, PLARGE_INTEGER cookie);

    // Returns when no operation is under way that the callback has heard the beginning of. Stops where that would be
    // for ever, and when it was removed before. STATUS_INVALID_PARAMETER: no such cookie.
    NTSTATUS remove(LARGE_INTEGER cookie);

    bool knows(LARGE_INTEGER cookie) const;

    // One line for each that is still registered.
    std::string describe_leaks() const;
    // The next driver may have what cookies the last one had.
    void forget_removed();

  private:
    friend class RegistryOperation;

    struct Callback {
        PEX_CALLBACK_FUNCTION function;
        std::u16string altitude;
        PVOID context;
        LONGLONG cookie;
        bool removing = false;
        unsigned running = 0;  // operations that it has heard the beginning of
    };

    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable changed_;
    std::list<Callback> callbacks_;  // the highest altitude first
    std::vector<LONGLONG> removed_;
    LONGLONG last_cookie_ = 0;
};

// The calls around one operation of the registry's: each callback hears of its beginning and, unless it refused, of its
// end, with what it left in the call context. On one thread.
class RegistryOperation {
  public:
    // `information` is the structure of the pre notification, whose call context is `*context`.
    RegistryOperation(REG_NOTIFY_CLASS pre, REG_NOTIFY_CLASS post, PVOID information, PVOID* context);
    // Every operation that began has ended.
    ~RegistryOperation();
    RegistryOperation(const RegistryOperation&) = delete;
    RegistryOperation& operator=(const RegistryOperation&) = delete;

    // The highest altitude first, until one refuses: then those before it hear of the end, and its status is returned.
    NTSTATUS begin();
    // In the opposite order. `object`: null where there is none, for which the callbacks are given no key's address.
    void end(KeyObject* object, NTSTATUS status);

  private:
    struct Told {
        RegistryCallbacks::Callback* callback;
        PVOID context;
    };

    NTSTATUS call(RegistryCallbacks::Callback& callback, REG_NOTIFY_CLASS which, PVOID argument) const;

    REG_NOTIFY_CLASS pre_;
    REG_NOTIFY_CLASS post_;
    PVOID information_;
    PVOID* context_;
    std::vector<Told> told_;
};

// Whether this thread is in a callback that was told of a key which is no object any more.
bool in_callback_of_closed_key();

}  // namespace aegis::host

// <= APC_LEVEL. Not in ntifs.h, because drivers look them up by name: not every system has them.
extern "C" NTSTATUS NTAPI CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude, PVOID Driver,
                                               PVOID Context, PLARGE_INTEGER Cookie, PVOID Reserved);
extern "C" NTSTATUS NTAPI CmUnRegisterCallback(LARGE_INTEGER Cookie);
