// Handles of one process.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "driver/host/executive/objects/object.hpp"

namespace aegis::host {

class HandleTable {
  public:
    struct Entry {
        Object* object;
        ACCESS_MASK granted;
    };
    // An entry that lives on while its handle may be closed.
    struct Lookup {
        Referenced<Object> object;
        ACCESS_MASK granted = 0;
    };

    // The lowest free value; nothing once the table is closed.
    std::optional<std::uint64_t> insert(Object& object, ACCESS_MASK granted);
    // An empty object for a value that is no handle.
    Lookup find(std::uint64_t handle) const;
    // As find(), with a handle's reference more, taken while this table's own handle cannot be closed: the object's
    // handle count never touches 0 in between. The caller drops it.
    Lookup find_and_add_handle(std::uint64_t handle) const;
    // Closes one handle; false for a value that is none.
    bool close(std::uint64_t handle);
    // Closes all, and the table for good.
    void close_all();

    std::vector<Entry> entries() const;
    // Whether one of them names an object of this type.
    bool holds_any(const OBJECT_TYPE& type) const;

  private:
    mutable std::mutex mutex_;
    std::map<std::uint64_t, Entry> entries_;
    bool closed_ = false;
};

}  // namespace aegis::host
