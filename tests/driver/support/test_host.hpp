// The driver in the hosted executive: loaded, unloaded, its debug output kept.
#pragma once

#include <ntifs.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aegis/ring/region.hpp"
#include "driver/host/executive/executive.hpp"
#include "driver/support/driver_under_test.hpp"

namespace aegis::test {

struct DebugLine {
    ULONG level;
    std::string text;
};

// What a test does to the driver object before DriverEntry sees it and after DriverEntry succeeded, in its thread.
struct DriverObjectHooks {
    std::function<void(DRIVER_OBJECT&)> before;
    std::function<void(DRIVER_OBJECT&)> after;
};

class TestHost {
  public:
    explicit TestHost(host::ExecutiveOptions options = {});
    // Clients are gone by now; a driver that is still loaded is unloaded.
    ~TestHost();
    TestHost(const TestHost&) = delete;
    TestHost& operator=(const TestHost&) = delete;

    NTSTATUS load(const host::ServiceOptions& service = {});
    // With the smallest ring there is.
    NTSTATUS load_small();
    // One such load at a time.
    NTSTATUS load_hooked(const DriverObjectHooks& hooks);
    host::UnloadResult unload();

    host::Executive& executive() { return *executive_; }
    host::Executive* operator->() { return executive_.get(); }

    // What the driver printed since the last call.
    std::vector<DebugLine> take_debug_lines();

  private:
    std::mutex mutex_;  // protects debug_lines_
    std::vector<DebugLine> debug_lines_;
    DriverUnderTest driver_;
    std::unique_ptr<host::Executive> executive_;
};

// A service key whose RingKiB is this.
host::ServiceOptions service_with_ring(ULONG kib);

// Cells of the smallest ring.
inline constexpr std::uint32_t kSmallRingCells = ring::cells_in_kib(AEGIS_RING_KIB_MIN);

}  // namespace aegis::test
