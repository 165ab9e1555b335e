// Notify routines of one sort: registration, calls from many threads, removal that waits.
#pragma once

#include <ntifs.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <vector>

namespace aegis::host {

class RoutineList {
  public:
    // `what` names the sort in a stop: "process notify routine". A literal.
    explicit RoutineList(const char* what) : what_(what) {}

    enum class Added { kYes, kKnownAlready, kNoSlotIsFree };
    // `kind` says by which function it is registered, for the owner of the list.
    Added add(PVOID routine, int kind);

    // Returns when no call of the routine is running. `of_kind` says which registrations this removal is for. Stops
    // when the routine was removed before, or runs in this thread. STATUS_PROCEDURE_NOT_FOUND when it is not registered
    // so.
    NTSTATUS remove(PVOID routine, const std::function<bool(int kind)>& of_kind);

    // Calls every routine registered now that is `wanted`, in the order of registration.
    void call_all(const std::function<bool(int kind)>& wanted,
                  const std::function<void(PVOID routine, int kind)>& call);

    // One line for each routine that is still registered.
    std::string describe_leaks() const;
    // The next driver may register what the last one removed.
    void forget_removed();

  private:
    struct Routine {
        PVOID address;
        int kind;
        bool removing = false;
        unsigned running = 0;
    };

    const char* what_;
    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable changed_;
    std::list<Routine> routines_;
    std::vector<PVOID> removed_;
};

}  // namespace aegis::host
