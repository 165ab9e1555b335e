// A count of users that can be closed and opened again: NT's run-down protection.
#pragma once

#include "nt/nt.hpp"

namespace aegis::driver {

class Rundown {
  public:
    // Closed, with nobody in it. IRQL <= APC_LEVEL.
    void create() {
        ExInitializeRundownProtection(&users_);
        ExWaitForRundownProtectionRelease(&users_);
    }

    // Lets users in from now on; who gets in sees what was written before. Only while it is closed. Any IRQL.
    void open() { ExReInitializeRundownProtection(&users_); }

    // False: it is closed. IRQL <= DISPATCH_LEVEL.
    bool enter() { return ExAcquireRundownProtection(&users_) != FALSE; }

    // Once for each enter() that let in. IRQL <= DISPATCH_LEVEL.
    void leave() { ExReleaseRundownProtection(&users_); }

    // Lets nobody in any more, and waits for those that are. IRQL <= APC_LEVEL.
    void close() { ExWaitForRundownProtectionRelease(&users_); }

  private:
    EX_RUNDOWN_REF users_{};
};

}  // namespace aegis::driver
