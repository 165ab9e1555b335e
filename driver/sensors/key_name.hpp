// The path of a key, as the configuration manager knows it: it hands out a string, which has to be given back.
#pragma once

#include "nt/nt.hpp"
#include "policy/path_table.hpp"

namespace aegis::driver {

// Looks up how this system names keys. Before the callback is registered. IRQL PASSIVE_LEVEL.
void find_key_names();

class KeyName {
  public:
    // Of a key object of a callback, whose registration has this cookie; none where NT does not say. Never of a key
    // whose last handle is being closed: that is no object any more. IRQL <= APC_LEVEL.
    KeyName(PLARGE_INTEGER cookie, PVOID key);
    // What keep() gave; null: none.
    explicit KeyName(PVOID kept) : name_(static_cast<PCUNICODE_STRING>(kept)) {}
    // Gives it back. IRQL <= APC_LEVEL.
    ~KeyName();
    KeyName(const KeyName&) = delete;
    KeyName& operator=(const KeyName&) = delete;

    // For the call context: who takes it from there gives the string back.
    PVOID keep();

    bool known() const { return name_ != nullptr; }
    // Pageable.
    PathText text() const;

  private:
    PCUNICODE_STRING name_ = nullptr;
};

// A counted string; it and its buffer may be null.
inline PathText text_of(const UNICODE_STRING* string) {
    if (string == nullptr || string->Buffer == nullptr) {
        return {};
    }
    return {string->Buffer, string->Length / sizeof(WCHAR)};
}

}  // namespace aegis::driver
