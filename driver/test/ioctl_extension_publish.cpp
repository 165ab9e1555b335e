#include <cstdint>
#include <cstring>

#include "control/ioctl_extension.hpp"
#include "control/ioctl_request.hpp"
#include "test_ioctl.h"

namespace aegis::driver {
namespace {

constexpr char16_t kPath[] = u"\\Device\\HarddiskVolume1\\Windows\\System32\\synthetic.exe";
constexpr std::uint32_t kMismatchEvery = 10;

// IRQL PASSIVE_LEVEL.
void publish_create(Driver& driver, std::uint32_t process_id, bool mismatch) {
    constexpr std::size_t kPathBytes = sizeof(kPath) - sizeof(char16_t);
    AEGIS_PROCESS_PAYLOAD payload{};
    payload.ProcessId = process_id;
    payload.ParentProcessId = 4;
    payload.CreatingProcessId = mismatch ? 8 : 4;
    payload.ImagePathLength = kPathBytes / sizeof(char16_t);
    payload.ImagePathExact = 1;
    std::memcpy(payload.ImagePath, kPath, kPathBytes);
    driver.channel.publish(AEGIS_EVENT_PROCESS_CREATE, driver.clock.now(), &payload,
                           AEGIS_PROCESS_PAYLOAD_FIXED + kPathBytes);
}

// IRQL PASSIVE_LEVEL.
void publish_exit(Driver& driver, std::uint32_t process_id) {
    const std::uint32_t fixed_part[AEGIS_PROCESS_PAYLOAD_FIXED / sizeof(std::uint32_t)] = {process_id};
    driver.channel.publish(AEGIS_EVENT_PROCESS_EXIT, driver.clock.now(), fixed_part, sizeof(fixed_part));
}

}  // namespace

NTSTATUS handle_extension_ioctl(Driver& driver, ULONG code, IoctlBuffer* buffer) {
    if (code != AEGIS_IOCTL_TEST_PUBLISH) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    AEGIS_TEST_PUBLISH_REQUEST request;
    const NTSTATUS status = read_request(*buffer, &request);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    for (std::uint32_t i = 0; i < request.Count; ++i) {
        publish_create(driver, request.FirstProcessId + i, i % kMismatchEvery == kMismatchEvery - 1);
        publish_exit(driver, request.FirstProcessId + i);
    }
    return STATUS_SUCCESS;
}

}  // namespace aegis::driver
