#include "driver/support/unknown_opener.hpp"

#include <gtest/gtest.h>

#include "driver/support/client.hpp"

namespace aegis::test {
namespace {

// A dispatch routine gets no context.
PDRIVER_DISPATCH g_driver_create = nullptr;
Unknown g_what = Unknown::kAccessState;

NTSTATUS NTAPI forget_opener(PDEVICE_OBJECT device, PIRP irp) {
    auto& create = IoGetCurrentIrpStackLocation(irp)->Parameters.Create;
    IO_SECURITY_CONTEXT without_state = *create.SecurityContext;
    without_state.AccessState = nullptr;
    create.SecurityContext = g_what == Unknown::kAccessState ? &without_state : nullptr;
    return g_driver_create(device, irp);
}

}  // namespace

NTSTATUS open_as_unknown(TestHost& host, Unknown what) {
    g_what = what;
    const DriverObjectHooks hooks{{}, [](DRIVER_OBJECT& object) {
                                      g_driver_create = object.MajorFunction[IRP_MJ_CREATE];
                                      object.MajorFunction[IRP_MJ_CREATE] = forget_opener;
                                  }};
    EXPECT_EQ(host.load_hooked(hooks), STATUS_SUCCESS);
    return Client(host).open();
}

}  // namespace aegis::test
