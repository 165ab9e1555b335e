// A kernel driver as the service manager sees it, for tests that load the real image.
#pragma once

#include <windows.h>

#include <cstdint>
#include <string>

namespace aegis::windows_test {

// The full path of a file beside this program, where the build puts images and test programs alike.
std::string sibling(const std::string& file_name);

// Creates the service of one driver image and, in the end, stops and deletes it. Failing calls throw
// std::system_error naming the call.
class DriverService {
  public:
    // `image` is a file beside this program. A service of that name from an earlier, killed run is
    // replaced.
    DriverService(const std::string& name, const std::string& image);
    ~DriverService();

    DriverService(const DriverService&) = delete;
    DriverService& operator=(const DriverService&) = delete;

    // Parameters\RingKiB of the service key, which the driver reads when it loads.
    void set_ring_kib(std::uint32_t kib);

    // Returns when the driver runs, or throws.
    void start();
    // Returns when the driver is unloaded, or throws.
    void stop();
    // Asks for the stop only. It ends when the last handle to the driver is closed.
    void request_stop();
    // Throws when it does not end.
    void wait_until_stopped() const;

    // SERVICE_RUNNING, SERVICE_STOPPED, …
    DWORD state() const;

  private:
    std::string name_;
    SC_HANDLE manager_;
    SC_HANDLE service_;
};

}  // namespace aegis::windows_test
