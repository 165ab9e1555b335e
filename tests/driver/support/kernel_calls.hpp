// The order of the driver's kernel calls, as a mock hears it.
//
// The linker's --wrap leads each call of a listed function through here (tests/driver/CMakeLists.txt has the list); the
// executive's own function runs as well. Only calls that the driver makes are told, not those of the executive.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>

namespace aegis::test {

class KernelCalls {
  public:
    KernelCalls();
    ~KernelCalls();
    KernelCalls(const KernelCalls&) = delete;
    KernelCalls& operator=(const KernelCalls&) = delete;

    // `name` is the function's, told before it runs; with " remove" behind it for the removal of a notify routine, and
    // once more with " done" when a registration has taken effect. The release of a queued spin lock is told
    // afterwards: what listens may then take the lock.
    MOCK_METHOD(void, call, (const std::string& name));

    // Makes MmGetSystemRoutineAddress answer this for the name; null as if the kernel had no such export. Before the
    // call.
    void pretend_export(const std::string& name, void* routine) { exports_[name] = routine; }
    // Nothing for a name that nobody pretends.
    std::optional<void*> pretended(const std::string& name) const {
        const auto found = exports_.find(name);
        return found == exports_.end() ? std::nullopt : std::optional(found->second);
    }

  private:
    std::map<std::string, void*> exports_;
};

}  // namespace aegis::test
