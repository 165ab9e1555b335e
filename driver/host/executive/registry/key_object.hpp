// An open key.
#pragma once

#include <ntifs.h>

#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "driver/host/executive/objects/object.hpp"
#include "driver/host/executive/registry/hive.hpp"

namespace aegis::host {

class KeyObject final : public Object {
  public:
    explicit KeyObject(HiveKeyRef key) : Object(key_object_type, this), key_(std::move(key)) {}
    HiveKey& key() const { return *key_; }
    std::string describe() const override;

    // A name for as long as the object lives, of which nobody is told that it is another by then.
    PCUNICODE_STRING keep_name(std::u16string name);

  protected:
    // Tells the callbacks, to whom the object is none any more.
    void last_handle_closed() override;

  private:
    struct KeptName {
        std::u16string text;
        UNICODE_STRING string;
    };

    const HiveKeyRef key_;
    std::mutex mutex_;  // guards names_
    std::deque<KeptName> names_;
};

}  // namespace aegis::host
