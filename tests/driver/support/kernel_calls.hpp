// The order of the driver's kernel calls, as a mock hears it.
//
// The linker's --wrap leads each call of a listed function through here (tests/driver/CMakeLists.txt has the list); the
// executive's own function runs as well. Only calls that the driver makes are told, not those of the executive.
#pragma once

#include <gmock/gmock.h>

#include <set>
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

    // Makes MmGetSystemRoutineAddress find this name. Before the call.
    void pretend_export(const std::string& name) { exports_.insert(name); }
    bool pretends(const std::string& name) const { return exports_.contains(name); }

  private:
    std::set<std::string> exports_;
};

}  // namespace aegis::test
