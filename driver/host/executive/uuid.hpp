// What ExUuidCreate answers: an id, or what NT answers where it has none yet.
#pragma once

#include <ntifs.h>

#include <deque>
#include <mutex>
#include <vector>

namespace aegis::host {

class UuidSource {
  public:
    // The status of each coming call, in order; STATUS_SUCCESS after those.
    void answer(const std::vector<NTSTATUS>& statuses);
    NTSTATUS next();

  private:
    std::mutex mutex_;  // protects answers_
    std::deque<NTSTATUS> answers_;
};

}  // namespace aegis::host
