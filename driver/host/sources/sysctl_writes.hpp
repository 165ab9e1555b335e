// Writes to the machine's sysctls, as a BPF program of this process records them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/perf_rings.hpp"
#include "driver/host/sources/sysctl_program.hpp"

namespace aegis::host::sources {

// One thread at a time.
class SysctlWrites {
  public:
    SysctlWrites() = default;
    ~SysctlWrites();
    SysctlWrites(const SysctlWrites&) = delete;
    SysctlWrites& operator=(const SysctlWrites&) = delete;

    // On error nothing is open, and the message names what it takes.
    std::optional<SourceError> open();

    // Readable when there is something; -1 while it is not open.
    int descriptor() const { return program_.ring.get(); }

    // Appends what was recorded, in its order: PerfKind::kSysctl, and kLost for what had no room. Nothing while it is
    // not open.
    void take(std::vector<PerfRecord>& records);

  private:
    SysctlProgram program_;
    std::byte* position_ = nullptr;  // the page that this side writes: how far it has read
    std::byte* ring_ = nullptr;      // the page that the kernel writes, and the records, twice in a row
    std::uint64_t lost_ = 0;
};

}  // namespace aegis::host::sources
