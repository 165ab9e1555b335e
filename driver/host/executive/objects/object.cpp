#include "driver/host/executive/objects/object.hpp"

#include <fmt/format.h>

#include <utility>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

OBJECT_TYPE process_object_type{"process", {0x20410, 0x20BEA, 0x121001, 0x1FFFFF}};
OBJECT_TYPE thread_object_type{"thread", {0x20048, 0x20437, 0x121800, 0x1FFFFF}};
OBJECT_TYPE file_object_type{"file", {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS}};
OBJECT_TYPE event_object_type{"event",
                              {STANDARD_RIGHTS_READ | EVENT_QUERY_STATE, STANDARD_RIGHTS_WRITE | EVENT_MODIFY_STATE,
                               STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE, EVENT_ALL_ACCESS}};
OBJECT_TYPE device_object_type{"device",
                               {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS}};
OBJECT_TYPE driver_object_type{"driver", {0, 0, 0, STANDARD_RIGHTS_ALL}};
OBJECT_TYPE key_object_type{"key", {KEY_READ, STANDARD_RIGHTS_WRITE | 0x6, KEY_READ, STANDARD_RIGHTS_ALL | 0x3F}};

ACCESS_MASK map_generic(const GENERIC_MAPPING& mapping, ACCESS_MASK desired) {
    constexpr ACCESS_MASK kGeneric = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL;
    ACCESS_MASK mapped = desired & ~kGeneric;
    mapped |= (desired & GENERIC_READ) != 0 ? mapping.GenericRead : 0;
    mapped |= (desired & GENERIC_WRITE) != 0 ? mapping.GenericWrite : 0;
    mapped |= (desired & GENERIC_EXECUTE) != 0 ? mapping.GenericExecute : 0;
    mapped |= (desired & GENERIC_ALL) != 0 ? mapping.GenericAll : 0;
    return mapped;
}

Object::Object(const OBJECT_TYPE& type, void* body) : type_(type), body_(body) {
    ObjectTable& table = executive_parts().objects;
    const std::lock_guard lock(table.mutex_);
    table.objects_.emplace(body_, this);
}

Object::~Object() {
    ObjectTable& table = executive_parts().objects;
    const std::lock_guard lock(table.mutex_);
    table.objects_.erase(body_);
}

void Object::reference() {
    references_.fetch_add(1, std::memory_order_relaxed);
}

void Object::dereference() {
    // Release: this holder's accesses happen before the destruction; acquire: the destroyer sees them all.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) {
        return;
    }
    if (this_thread().irql == PASSIVE_LEVEL) {
        destroy();
        return;
    }
    ObjectTable& table = executive_parts().objects;
    const std::lock_guard lock(table.mutex_);
    table.deferred_.push_back(this);
}

LONG_PTR Object::reference_by_driver() {
    reference();
    return driver_references_.fetch_add(1, std::memory_order_relaxed) + 1;
}

LONG_PTR Object::dereference_by_driver() {
    const long before = driver_references_.fetch_sub(1, std::memory_order_relaxed);
    if (before <= 0) {
        verifier_stop(Bugcheck::kReferenceByPointer,
                      fmt::format("the driver releases {} more often than it referenced it", describe()));
    }
    dereference();
    return before - 1;
}

void Object::add_handle() {
    reference();
    handles_.fetch_add(1, std::memory_order_relaxed);
}

void Object::drop_handle() {
    // Acquire and release: what was done through other handles happens before the cleanup.
    if (handles_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        last_handle_closed();
    }
    dereference();
}

Object* ObjectTable::find(const void* body) const {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(body);
    return found == objects_.end() ? nullptr : found->second;
}

void ObjectTable::destroy_deferred() {
    std::vector<Object*> unreferenced;
    {
        const std::lock_guard lock(mutex_);
        unreferenced.swap(deferred_);
    }
    for (Object* object : unreferenced) {
        object->destroy();
    }
}

std::string ObjectTable::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [body, object] : objects_) {
        if (object->driver_references() != 0) {
            text += fmt::format("{} reference(s) to {}; ", object->driver_references(), object->describe());
        }
    }
    return text;
}

}  // namespace aegis::host
