// [handles] of a policy file: which rights make a handle worth an event, and which processes are protected.
#pragma once

#include <toml++/toml.h>

#include <functional>
#include <string>

#include "agent/config/policy_blob.hpp"

namespace aegis::agent {

// Something that is wrong with that place of the file.
using HandleError = std::function<void(const toml::source_position& place, std::string message)>;

// What `node`, the value of the key "handles", says. Each fault is told.
HandlePolicy compile_handles(const toml::node& node, const HandleError& error);

}  // namespace aegis::agent
