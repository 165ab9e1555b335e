// The kernel's tracepoints, by number: where tracefs is mounted, or, where nobody has mounted it, as this process may
// see it without a place.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "driver/host/unique_fd.hpp"

namespace aegis::host::sources {

class Tracepoints {
  public:
    // False: there is none, or this process may not look; errno says why.
    bool open();

    // That at the beginning of a system call, by the kernel's name of it; none where this kernel has it not.
    std::optional<std::uint64_t> beginning_of(std::string_view call) const;

  private:
    UniqueFd folder_;
};

}  // namespace aegis::host::sources
