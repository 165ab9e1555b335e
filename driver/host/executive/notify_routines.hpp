// Process notify routines: registration, calls from many threads, removal that waits.
#pragma once

#include <ntifs.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <vector>

namespace aegis::host {

class NotifyRoutines {
  public:
    // STATUS_INVALID_PARAMETER when registered already, or no slot is free.
    NTSTATUS add(PVOID routine, bool extended);
    // Returns when no call of the routine is running. Stops when the routine was removed before, or runs in this
    // thread. STATUS_PROCEDURE_NOT_FOUND when it was never registered.
    NTSTATUS remove(PVOID routine);

    using ExtendedCall = std::function<void(PCREATE_PROCESS_NOTIFY_ROUTINE_EX)>;
    using LegacyCall = std::function<void(PCREATE_PROCESS_NOTIFY_ROUTINE)>;
    // Calls every routine registered now, in the order of registration, the way its kind wants it.
    void call_all(const ExtendedCall& extended, const LegacyCall& legacy);

    // One line for each routine that is still registered.
    std::string describe_leaks() const;
    // The next driver may register what the last one removed.
    void forget_removed();

  private:
    struct Routine {
        PVOID address;
        bool extended;
        bool removing = false;
        unsigned running = 0;
    };

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Routine> routines_;
    std::vector<PVOID> removed_;
};

}  // namespace aegis::host
