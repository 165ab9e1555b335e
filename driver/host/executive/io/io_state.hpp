// The driver, its devices and their names: what opening and unloading decide on, under one lock.
#pragma once

#include <ntifs.h>

#include <chrono>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "driver/host/executive/io/device_object.hpp"
#include "driver/host/executive/io/driver_object.hpp"

namespace aegis::host {

class IoState {
  public:
    // --- load and unload
    // False when a driver is loaded.
    bool begin_load(Referenced<DriverObject> driver);
    // Devices can be opened from now on.
    void finish_load();
    enum class UnloadStart { kRun, kPending, kNotLoaded, kNoRoutine };
    // kRun: the caller has to unload. kPending: the last close will.
    UnloadStart begin_unload();
    // Ends a load that failed, or an unload.
    void forget_driver();
    DriverObject* driver();
    bool loaded();
    // False when a driver is still loaded after `timeout`.
    bool wait_until_forgotten(std::chrono::nanoseconds timeout);

    // --- devices and names
    NTSTATUS add_device(DeviceObject& device);
    void delete_device(PDEVICE_OBJECT device);
    NTSTATUS add_link(std::u16string_view link, std::u16string_view target);
    NTSTATUS remove_link(std::u16string_view link);

    struct Path {
        NTSTATUS status = STATUS_SUCCESS;
        Referenced<DeviceObject> device;
        std::u16string remainder;  // with its backslash; empty when the path names the device itself
    };
    Path resolve(std::u16string_view path);
    // One more open file, unless the device is going.
    NTSTATUS open(DeviceObject& device);
    // One file less. True for the caller that now has to unload.
    bool close(DeviceObject& device);

    // One line for each name and each device that is left.
    std::string describe_leaks();

  private:
    enum class Phase { kNone, kLoading, kLoaded, kUnloadPending, kUnloading };

    bool any_device_open();

    std::mutex mutex_;  // guards what follows
    std::condition_variable forgotten_;
    Phase phase_ = Phase::kNone;
    Referenced<DriverObject> driver_;
    std::list<Referenced<DeviceObject>> devices_;     // not deleted
    std::map<std::u16string, DeviceObject*> names_;   // by folded name
    std::map<std::u16string, std::u16string> links_;  // folded name to target
};

}  // namespace aegis::host
