// The time events carry.
#pragma once

#include <cstdint>

#include "nt/nt.hpp"

namespace aegis::driver {

class SystemClock {
  public:
    // Finds the most precise clock this system exports. STATUS_PROCEDURE_NOT_FOUND when it exports none.
    // IRQL PASSIVE_LEVEL.
    NTSTATUS initialize();

    // 100 ns since 1601-01-01, UTC. Any IRQL.
    std::int64_t now() const {
        LARGE_INTEGER time;
        query_(&time);
        return time.QuadPart;
    }

  private:
    using QuerySystemTime = VOID(NTAPI*)(PLARGE_INTEGER);
    QuerySystemTime query_ = nullptr;
};

}  // namespace aegis::driver
