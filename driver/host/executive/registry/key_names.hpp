// Names of keys, as callbacks ask for them.
#pragma once

#include <ntifs.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace aegis::host {

// The names that a driver has and has to release.
class KeyNames {
  public:
    // Null when the name is longer than a counted string can be.
    PCUNICODE_STRING hand_out(std::u16string_view name);
    // Stops when it is none, or was released before.
    void release(PCUNICODE_STRING name);
    // One line for each that was not.
    std::string describe_leaks() const;

  private:
    mutable std::mutex mutex_;  // guards names_
    struct Name {
        UNICODE_STRING string;
        std::unique_ptr<char16_t[]> characters;
    };
    std::map<PCUNICODE_STRING, std::unique_ptr<Name>> names_;
};

}  // namespace aegis::host

// <= APC_LEVEL. Not in ntifs.h, because drivers look them up by name. A name of the first is the caller's to release;
// one of the last stays with the key object.
extern "C" NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                                     PCUNICODE_STRING* ObjectName, ULONG Flags);
extern "C" void NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING ObjectName);
extern "C" NTSTATUS NTAPI CmCallbackGetKeyObjectID(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                                   PCUNICODE_STRING* ObjectName);
