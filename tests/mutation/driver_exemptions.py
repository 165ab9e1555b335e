"""Pieces of the driver that may be missing without a test noticing, and why. Each name is one of driver_mutants.py."""

_OVERWRITTEN = "the registration's outcome overwrites it before anyone looks"
_NOBODY_ASKS = "only unload calls it: nobody can ask any more, and the next load starts over"
_ZERO_ALREADY = "zero already: the driver starts with it, and unload comes after the last handle is closed"
_ONLY_SPEED = ("it changes how fast callbacks that meet can publish, which `make bench` measures (2-producers/1), and no "
               "result")
_NEXT_LOAD = "nothing looks at it between this unload and the next load, which fills it"
_NOT_MAPPED = "nothing looks at it while nothing is mapped; the next map fills it"

EXEMPTIONS = {
    "callback_health.hpp reset statement registered_.store(false, std::memory_order_relaxed);": _OVERWRITTEN,
    "callback_health.hpp reset statement status_.store(STATUS_NOT_FOUND, std::memory_order_relaxed);": _OVERWRITTEN,
    "callback_health.hpp unregistered statement registered_.store(false, std::memory_order_relaxed);": _NOBODY_ASKS,
    "owner_exit.cpp stop_owner_exit_watch statement g_health.unregistered();": _NOBODY_ASKS,
    "process_sensor.cpp stop_process_sensor statement g_health.unregistered();": _NOBODY_ASKS,
    "device.cpp ControlDevice::destroy check if (device == nullptr) {":
        "load and unload call it once for each device; the check makes a second call harmless",
    "device_security.cpp DeviceSecurity::apply_to constant OBJ_KERNEL_HANDLE -> 0":
        "DriverEntry runs in the System process, whose handles are the kernel's either way",
    "service_parameters.cpp open_key constant OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE -> OBJ_CASE_INSENSITIVE":
        "DriverEntry runs in the System process, whose handles are the kernel's either way",
    "service_parameters.cpp open_key constant OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE -> OBJ_KERNEL_HANDLE":
        "the registry ignores case whatever the flag says",
    "device_security.cpp DeviceSecurity::check_opener choice never STATUS_SUCCESS: allowed ? STATUS_SUCCESS : status":
        "an access check that allows also leaves STATUS_SUCCESS in its status",
    "handle_table.cpp HandleTable::initialize statement handle_count_ = 0;": _ZERO_ALREADY,
    "handle_table.cpp HandleTable::initialize statement attachment_count_.store(0, std::memory_order_relaxed);":
        _ZERO_ALREADY,
    "handle_table.cpp HandleTable::owner_exits check if (attachment_count_.load(std::memory_order_relaxed) == 0) {":
        "it saves the lock when there is nothing to find, and changes no result",
    "handle_table.cpp HandleTable::detach statement attachment_count_.fetch_sub(1, std::memory_order_relaxed);":
        "a count too high costs later exits the lock, and changes no result",
    "ioctl.cpp ring_setup statement reply.AbiMinor = identity.AbiMinor;":
        "the minor version is 0, like the reply before",
    "nt.hpp unicode_literal statement string.MaximumLength = kBytes;": "NT's readers of a string look at its Length",
    "pool.hpp destroy_nonpaged statement object->~T();": "the destructors of what lives in pool do nothing",
    "publish_gate.hpp enter statement ring::StdAtomics::pause();":
        _ONLY_SPEED,
    "publish_gate.hpp enter statement inside_.store(who, std::memory_order_relaxed);":
        _ONLY_SPEED,
    "publish_gate.hpp leave check if (inside_.load(std::memory_order_relaxed) == who) {":
        _ONLY_SPEED,
    "publish_gate.hpp leave statement inside_.store(nullptr, std::memory_order_relaxed);":
        _ONLY_SPEED,
    "ring_channel.cpp RingChannel::publish statement gate_.enter(&self);":
        _ONLY_SPEED,
    "ring_channel.cpp RingChannel::publish statement gate_.leave(&self);":
        _ONLY_SPEED,
    "ring_channel.cpp RingChannel::create statement KeInitializeSpinLock(&publish_lock_);":
        "it stores zero, which is there from the start",
    "ring_channel.cpp RingChannel::create statement bells_ = {};":
        "empty already: unload comes after the last consumer has gone",
    "ring_channel.cpp RingChannel::destroy statement memory_ = {};": _NEXT_LOAD,
    "ring_channel.cpp RingChannel::destroy statement region_ = nullptr;": _NEXT_LOAD,
    "user_mapping.cpp UserMapping::map statement mdl_ = nullptr;": _NOT_MAPPED,
    "user_mapping.cpp UserMapping::unmap statement address_ = nullptr;": _NOT_MAPPED,
    "user_mapping.cpp UserMapping::unmap statement mdl_ = nullptr;": _NOT_MAPPED,
}
