// The order of the driver's kernel calls, as a mock hears it.
//
// The linker's --wrap leads each call of a listed function through here (tests/driver/CMakeLists.txt has the list); the
// executive's own function runs as well. Only calls that the driver makes are told, not those of the executive.
#pragma once

#include <gmock/gmock.h>

#include <string>

namespace aegis::test {

class KernelCalls {
  public:
    KernelCalls();
    ~KernelCalls();
    KernelCalls(const KernelCalls&) = delete;
    KernelCalls& operator=(const KernelCalls&) = delete;

    // `name` is the function's; with " remove" behind it for the removal of a notify routine.
    MOCK_METHOD(void, call, (const std::string& name));
};

}  // namespace aegis::test
