// Watches, through the query IOCTL, that the driver still sees what it promised to see.
#pragma once

#include <cstdint>

#include "aegis/ioctl.h"
#include "agent/app/log.hpp"

namespace aegis::agent {

// Not thread-safe.
class HealthWatch {
  public:
    // Says on `log` which callbacks are missing from the start or do not see everything, what was lost before, whether
    // somebody else's policy decides what is reported, and whether the driver has failed. `own_policy`: the generation
    // of the policy that this agent has set since; 0: none.
    HealthWatch(Log& log, const AEGIS_QUERY_REPLY& at_open, std::uint64_t own_policy = 0);

    // Says what has changed since the last look: a driver that failed or a callback that is gone (critical: the sensor
    // is blind), one that is back, events lost before they got a ticket, a policy that came or went. Says each change
    // once.
    void look(const AEGIS_QUERY_REPLY& now);

    // The driver found itself broken: it answers, but no event will follow. As of the last look.
    bool driver_failed() const { return last_.State == AEGIS_RING_FAILED; }

    // What the driver said last.
    const AEGIS_QUERY_REPLY& last() const { return last_; }

  private:
    void look_at_state(const AEGIS_QUERY_REPLY& now);
    void look_at_callbacks(const AEGIS_QUERY_REPLY& now);
    void look_at_losses(const AEGIS_QUERY_REPLY& now);
    void look_at_policy(const AEGIS_QUERY_REPLY& now);

    Log* log_;
    AEGIS_QUERY_REPLY last_;
};

}  // namespace aegis::agent
