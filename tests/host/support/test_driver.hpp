// A driver that is all hooks: what a test wants it to do right, or wrong, is said in the test.
#pragma once

#include <ntifs.h>

#include <functional>

namespace aegis::test {

// Null hooks do what a well-behaved driver does: DriverEntry creates the device \Device\Test with the link \??\Test,
// requests succeed with no bytes, DriverUnload removes both.
struct DriverHooks {
    std::function<NTSTATUS(PDRIVER_OBJECT, PUNICODE_STRING)> entry;
    std::function<void(PDRIVER_OBJECT)> unload;
    std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)> create;
    std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)> cleanup;
    std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)> close;
    std::function<NTSTATUS(PDEVICE_OBJECT, PIRP)> control;
};

// Of the one test driver there is; set while it is not loaded.
DriverHooks& driver_hooks();

DRIVER_INITIALIZE test_driver_entry;

// What the null hooks are made of.
NTSTATUS create_test_device(PDRIVER_OBJECT driver);
void delete_test_device(PDRIVER_OBJECT driver);
NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information = 0);

// A counted string over a literal.
UNICODE_STRING counted(const char16_t* text);

}  // namespace aegis::test
