// The service's registry key, in memory.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "driver/host/executive/objects/object.hpp"
#include "driver/host/executive/registry/service_options.hpp"

namespace aegis::host {

// Names compare without regard to case, as far as ASCII goes.
std::u16string fold_case(std::u16string_view name);

class Registry {
  public:
    // Replaces everything by the key of one service. Returns the key's path.
    std::u16string set_service(const ServiceOptions& service);

    bool has_key(std::u16string_view path) const;
    std::optional<RegistryValue> value(std::u16string_view path, std::u16string_view name) const;

  private:
    using Values = std::map<std::u16string, RegistryValue>;
    mutable std::mutex mutex_;
    std::map<std::u16string, Values> keys_;  // by folded path
};

class KeyObject final : public Object {
  public:
    explicit KeyObject(std::u16string path) : Object(key_object_type, this), path_(std::move(path)) {}
    const std::u16string& path() const { return path_; }
    std::string describe() const override;

  private:
    const std::u16string path_;
};

}  // namespace aegis::host
