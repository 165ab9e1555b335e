// Which handles a protected process has to fear, and whose it does not.
#pragma once

#include <cstdint>

#include "channel/ring_channel.hpp"
#include "nt/nt.hpp"
#include "policy/policy_store.hpp"

namespace aegis::driver {

class HandleProtection {
  public:
    // Before any callback; both outlive it. Looks up what this system can tell. IRQL PASSIVE_LEVEL.
    void start(const RingChannel& channel, PolicyStore& policies);

    // Whether the current thread's process, which is another one, must not get rights to change `target`. Nobody
    // must not in a driver that has failed. IRQL PASSIVE_LEVEL.
    bool forbids(PEPROCESS target) const;

  private:
    // The system, its protected processes, and what the policy in force names.
    bool may_do_anything(HANDLE opener) const;
    bool is_named_by_policy(PEPROCESS opener) const;

    using IsProtectedProcess = BOOLEAN(NTAPI*)(PEPROCESS process);
    using LocateImageName = NTSTATUS(NTAPI*)(PEPROCESS process, PUNICODE_STRING* name);

    const RingChannel* channel_ = nullptr;
    PolicyStore* policies_ = nullptr;
    HANDLE system_ = nullptr;
    // Null where this system has them not: then nobody is exempt because of them.
    IsProtectedProcess is_protected_process_ = nullptr;
    LocateImageName locate_image_name_ = nullptr;
};

}  // namespace aegis::driver
