#include "agent/config/handle_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "agent/events/access_rights.hpp"

namespace aegis::agent {
namespace {

class Compiler {
  public:
    explicit Compiler(const HandleError& error) : error_(error) {}

    HandlePolicy compile(const toml::node& node) {
        const toml::table* const table = node.as_table();
        if (table == nullptr) {
            error_(node.source().begin, "'handles' wants a table: [handles]");
            return {};
        }
        for (const auto& [key, value] : *table) {
            if (key == "process-access") {
                take_mask(value, "process-access", AEGIS_HANDLE_PROCESS);
            } else if (key == "thread-access") {
                take_mask(value, "thread-access", AEGIS_HANDLE_THREAD);
            } else if (key == "protect") {
                take_processes(value);
            } else {
                error_(key.source().begin, fmt::format("'{}' is no key of handles: process-access, thread-access and "
                                                       "protect are",
                                                       key.str()));
            }
        }
        return std::move(policy_);
    }

  private:
    void take_mask(const toml::node& node, std::string_view key, std::uint8_t object_type) {
        const toml::array* const names = node.as_array();
        if (names == nullptr || names->empty()) {
            error_(node.source().begin,
                   fmt::format("'{}' wants a list of rights, such as [\"terminate\"]; to see none, give events.handle "
                               "the default off",
                               key));
            return;
        }
        AEGIS_POLICY_HANDLES mask{0, object_type, {}};
        for (const toml::node& name : *names) {
            const auto* const text = name.as_string();
            const std::optional<std::uint32_t> right =
                text != nullptr ? right_of_name(text->get(), object_type) : std::nullopt;
            if (right) {
                mask.Access |= *right;
            } else {
                error_(
                    name.source().begin,
                    fmt::format("'{}' is no right of a {}: {} are", text != nullptr ? text->get() : "this",
                                object_type == AEGIS_HANDLE_PROCESS ? "process" : "thread", every_right(object_type)));
            }
        }
        policy_.masks.push_back(mask);
    }

    void take_processes(const toml::node& node) {
        const toml::array* const entries = node.as_array();
        if (entries == nullptr) {
            error_(node.source().begin,
                   "'protect' wants a list of processes, such as [{pid = 812, key = \"281474976710702\"}]");
            return;
        }
        for (const toml::node& entry : *entries) {
            take_process(entry);
        }
        if (entries->size() > AEGIS_POLICY_PROTECTED_MAX) {
            error_(node.source().begin,
                   fmt::format("{} entries; the driver takes {}", entries->size(), AEGIS_POLICY_PROTECTED_MAX));
        }
    }

    void take_process(const toml::node& entry) {
        const toml::table* const table = entry.as_table();
        const std::optional<std::uint64_t> pid = table != nullptr ? number_of(table->get("pid")) : std::nullopt;
        const std::optional<std::uint64_t> key = table != nullptr ? number_of(table->get("key")) : std::nullopt;
        if (!pid || !key || table->size() != 2 || *pid > std::numeric_limits<std::uint32_t>::max()) {
            error_(entry.source().begin,
                   "a process is named by its pid and its key, as its events have it in "
                   "process_key or target_key: {pid = 812, key = \"281474976710702\"}");
            return;
        }
        const AEGIS_POLICY_PROCESS process{*key, static_cast<std::uint32_t>(*pid), 0};
        const bool known = std::any_of(policy_.processes.begin(), policy_.processes.end(), [&](const auto& other) {
            return other.ProcessId == process.ProcessId && other.ProcessKey == process.ProcessKey;
        });
        if (known) {
            error_(entry.source().begin, fmt::format("process {} is protected already", process.ProcessId));
            return;
        }
        policy_.processes.push_back(process);
    }

    // A positive number, or one in quotes: keys are longer than what some readers of JSON keep of a number.
    static std::optional<std::uint64_t> number_of(const toml::node* node) {
        std::uint64_t number = 0;
        if (const auto* const value = node != nullptr ? node->as_integer() : nullptr) {
            number = value->get() > 0 ? static_cast<std::uint64_t>(value->get()) : 0;
        } else if (const auto* const text = node != nullptr ? node->as_string() : nullptr) {
            const std::string& digits = text->get();
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
            number = error == std::errc() && end == digits.data() + digits.size() ? number : 0;
        }
        return number != 0 ? std::optional(number) : std::nullopt;
    }

    const HandleError& error_;
    HandlePolicy policy_;
};

}  // namespace

HandlePolicy compile_handles(const toml::node& node, const HandleError& error) {
    return Compiler(error).compile(node);
}

}  // namespace aegis::agent
