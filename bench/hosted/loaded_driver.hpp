// The real driver, loaded into this process on the hosted executive, and its clients.
//
// What is measured through it includes the executive, which checks every call as a verifier does. The ring's own
// cost is measured on the ring's headers alone.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "aegis/ioctl.h"
#include "aegis/ring/doorbell.hpp"
#include "aegis/ring/region.hpp"
#include "control/driver.hpp"
#include "driver/host/executive/executive.hpp"
#include "support/clock.hpp"

namespace aegis::bench {

// One at a time. Ends the program with a message when a step fails: nothing can be measured then.
class LoadedDriver {
  public:
    // `exports`: functions that the driver finds by name in place of the executive's.
    explicit LoadedDriver(std::uint32_t ring_kib = AEGIS_RING_KIB_DEFAULT,
                          const std::map<std::string, void*>& exports = {});
    // Clients are gone by now.
    ~LoadedDriver();
    LoadedDriver(const LoadedDriver&) = delete;
    LoadedDriver& operator=(const LoadedDriver&) = delete;

    // The publish path that every sensor of the driver uses. Any thread.
    driver::RingChannel& channel() { return driver::the_driver().channel; }

    host::Executive& executive() { return executive_; }

  private:
    host::Executive executive_;
};

// A process with one handle to the device.
class DriverClient {
  public:
    explicit DriverClient(LoadedDriver& loaded);
    ~DriverClient();
    DriverClient(const DriverClient&) = delete;
    DriverClient& operator=(const DriverClient&) = delete;

    // Becomes a ring consumer with a doorbell.
    void attach();

    // What attach() registers for it; who sets the ring up by itself asks for it before.
    std::uint64_t make_bell();

    // One IOCTL.
    host::IoResult control(std::uint32_t code, std::span<const std::byte> input, std::span<std::byte> output);

    // Only after attach.
    const ring::RingMemory<>& memory() const { return memory_; }
    ring::DoorbellListener<> listener() const;
    // True: the bell rang; false: the time has passed.
    bool wait(Nanoseconds timeout);

    // Readable while the bell has rung and nobody has taken it.
    int bell() const { return bell_; }
    void take_signals();

    // One pull IOCTL; the bytes it filled.
    std::size_t pull(std::span<std::byte> buffer);

  private:
    host::Executive& executive_;
    host::ProcessRef process_;
    host::ProcessHandle device_ = 0;
    ring::RingMemory<> memory_;
    AEGIS_CONSUMER_PAGE* page_ = nullptr;
    int bell_ = -1;
};

}  // namespace aegis::bench
