// IRP_MJ_CREATE of an opener whom nobody vouches for, as a filter driver above could send it.
#pragma once

#include <ntifs.h>

#include "driver/support/test_host.hpp"

namespace aegis::test {

enum class Unknown { kAccessState, kWholeContext };

// Loads the driver and opens its device with what says who opens taken away. Returns the open's status. One at a time.
NTSTATUS open_as_unknown(TestHost& host, Unknown what);

}  // namespace aegis::test
