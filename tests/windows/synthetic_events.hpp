// What AegisMonTest.sys publishes on demand; see driver/test/test_ioctl.h.
#pragma once

#include <cstdint>

#include "control_device.hpp"
#include "driver/test/test_ioctl.h"

namespace aegis::windows_test {

inline constexpr char16_t kSyntheticNtPath[] = u"\\Device\\HarddiskVolume1\\Windows\\System32\\synthetic.exe";

// Publishes `count` pairs of create and exit with process ids from `first_process_id` on. Returns the NTSTATUS.
inline std::uint32_t publish_pairs(ControlDevice& device, std::uint32_t count, std::uint32_t first_process_id) {
    auto publish = request<AEGIS_TEST_PUBLISH_REQUEST>();
    publish.Count = count;
    publish.FirstProcessId = first_process_id;
    return device.send(AEGIS_IOCTL_TEST_PUBLISH, publish, 0).status;
}

}  // namespace aegis::windows_test
