#include "agent/config/policy_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>
#include <utf8.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "agent/config/handle_policy.hpp"
#include "agent/config/policy_blob.hpp"
#include "agent/config/policy_events.hpp"

namespace aegis::agent {
namespace {

bool is_separator(char16_t unit) {
    return unit == u'/' || unit == u'\\';
}

// Equal when the driver takes two paths for the same, of those that are written in ASCII: it has the last word.
std::u16string folded(std::u16string_view path) {
    std::u16string result(path);
    for (char16_t& unit : result) {
        unit = unit == u'/' ? u'\\' : unit >= u'a' && unit <= u'z' ? static_cast<char16_t>(unit - 32) : unit;
    }
    return result;
}

// Both folded.
bool is_at_or_below(std::u16string_view path, std::u16string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == u'\\');
}

struct Entry {
    PolicyRule rule;
    std::u16string folded;
    toml::source_position place;
};

Entry make_entry(std::u16string text, std::uint32_t types, std::uint8_t action, const toml::node& node) {
    Entry entry;
    entry.folded = folded(text);
    entry.rule.text = std::move(text);
    entry.rule.types = types;
    entry.rule.action = action;
    entry.place = node.source().begin;
    return entry;
}

class Compiler {
  public:
    explicit Compiler(PolicyFile& file) : file_(file) {}

    void compile(const toml::table& root) {
        for (const auto& [key, value] : root) {
            if (key == "events") {
                take_events(value);
            } else if (key == "rule") {
                take_rules(value);
            } else if (key == "exclude-images") {
                take_images(value, "exclude-images", AEGIS_POLICY_DROP, images_);
            } else if (key == "allow-images") {
                take_images(value, "allow-images", AEGIS_POLICY_ALLOW, allowed_);
            } else if (key == "handles") {
                handles_ = compile_handles(
                    value, [this](const auto& place, std::string message) { error(place, std::move(message)); });
            } else {
                unknown(key, "the file", "events, rule, handles, exclude-images and allow-images");
            }
        }
        find_collisions(rules_);
        std::vector<Entry> every_image = images_;
        every_image.insert(every_image.end(), allowed_.begin(), allowed_.end());
        find_collisions(every_image);
        find_collisions(extensions_);
        find_rules_that_never_decide();
        if (file_.errors.empty()) {
            render(every_image);
        }
        const auto by_place = [](const PolicyRemark& a, const PolicyRemark& b) {
            return std::tie(a.line, a.column) < std::tie(b.line, b.column);
        };
        std::stable_sort(file_.errors.begin(), file_.errors.end(), by_place);
        std::stable_sort(file_.warnings.begin(), file_.warnings.end(), by_place);
    }

  private:
    void error(const toml::source_position& place, std::string message) {
        file_.errors.push_back({place.line, place.column, std::move(message)});
    }
    void error(const toml::node& node, std::string message) { error(node.source().begin, std::move(message)); }
    void warn(const toml::source_position& place, std::string message) {
        file_.warnings.push_back({place.line, place.column, std::move(message)});
    }
    void unknown(const toml::key& key, std::string_view where, std::string_view known) {
        error(key.source().begin, fmt::format("'{}' is no key of {}: {} are", key.str(), where, known));
    }

    std::optional<std::string> text(const toml::node& node, std::string_view key) {
        if (const auto* const value = node.as_string()) {
            return value->get();
        }
        error(node, fmt::format("'{}' wants a text in quotes", key));
        return std::nullopt;
    }

    std::optional<std::uint32_t> number(const toml::node& node, std::string_view key, std::int64_t least,
                                        std::int64_t most) {
        const auto* const value = node.as_integer();
        if (value != nullptr && value->get() >= least && value->get() <= most) {
            return static_cast<std::uint32_t>(value->get());
        }
        error(node, fmt::format("'{}' wants a whole number from {} to {}", key, least, most));
        return std::nullopt;
    }

    void take_events(const toml::node& node) {
        const toml::table* const events = node.as_table();
        if (events == nullptr) {
            error(node, "'events' wants tables, such as [events.process-start]");
            return;
        }
        for (const auto& [key, value] : *events) {
            const EventName* const event = event_of(key.str());
            if (event == nullptr) {
                unknown(key, "events", names_of_events([](const EventName&) { return true; }));
            } else if (const toml::table* const settings = value.as_table()) {
                take_event(*event, *settings);
            } else {
                error(value, fmt::format("'{}' wants a table: [events.{}]", key.str(), key.str()));
            }
        }
    }

    void take_event(const EventName& event, const toml::table& settings) {
        AEGIS_POLICY_TYPE type{event.operations, 0, 0, 0, AEGIS_POLICY_REPORT, {}};
        for (const auto& [key, value] : settings) {
            if (key == "default") {
                take_default(value, type);
            } else if (key == "limit") {
                type.TokensPerSecond = number(value, "limit", 1, AEGIS_POLICY_TOKENS_MAX).value_or(1);
            } else if (key == "burst") {
                type.Burst = number(value, "burst", 1, AEGIS_POLICY_TOKENS_MAX).value_or(1);
            } else if (key == "merge-ms") {
                type.MergeMs = number(value, "merge-ms", 1, AEGIS_POLICY_MERGE_MS_MAX).value_or(1);
                if (!event.has_path) {
                    error(key.source().begin, fmt::format("'merge-ms': no two of {} are alike", event.name));
                }
            } else if (key == "operations" && event.type == AEGIS_EVENT_REGISTRY_OP) {
                type.Operations = take_operations(value);
            } else {
                unknown(key, fmt::format("events.{}", event.name),
                        event.type == AEGIS_EVENT_REGISTRY_OP ? "default, limit, burst, merge-ms and operations"
                                                              : "default, limit, burst and merge-ms");
            }
        }
        if (off_in(settings)) {
            type.Operations = 0;
        }
        if (type.Burst != 0 && type.TokensPerSecond == 0) {
            error(settings.get("burst")->source().begin, "'burst' needs a 'limit' beside it");
        }
        // Tokens for a second, unless it says otherwise.
        type.Burst = type.Burst == 0 ? type.TokensPerSecond : type.Burst;
        if (type.Operations == 0 && type.TokensPerSecond != 0) {
            warn(settings.get("limit")->source().begin, "this limit never decides: the default is off");
        }
        types_[event.type] = type;
    }

    void take_default(const toml::node& node, AEGIS_POLICY_TYPE& type) {
        const std::optional<std::string> value = text(node, "default");
        if (value == "drop" || value == "off") {
            type.Default = AEGIS_POLICY_DROP;
        } else if (value && value != "report") {
            error(node, fmt::format("'{}' is no default: report, drop and off are", *value));
        }
    }

    // Whatever else is there, and in whatever order.
    static bool off_in(const toml::table& settings) {
        const toml::node* const given = settings.get("default");
        return given != nullptr && given->is_string() && given->as_string()->get() == "off";
    }

    std::uint32_t take_operations(const toml::node& node) {
        const toml::array* const names = node.as_array();
        if (names == nullptr || names->empty()) {
            error(node, "'operations' wants a list, such as [\"create-key\", \"set-value\"]");
            return 1;
        }
        std::uint32_t operations = 0;
        for (const toml::node& entry : *names) {
            const std::optional<std::string> name = text(entry, "operations");
            const auto found = name ? std::find(kRegistryOperations.begin(), kRegistryOperations.end(), *name)
                                    : kRegistryOperations.end();
            if (found != kRegistryOperations.end()) {
                operations |= 1U << (found - kRegistryOperations.begin());
            } else if (name) {
                error(entry, fmt::format("'{}' is no operation: {} are", *name, fmt::join(kRegistryOperations, ", ")));
            }
        }
        return operations;
    }

    void take_images(const toml::node& node, std::string_view key, std::uint8_t action, std::vector<Entry>& entries) {
        const toml::array* const images = node.as_array();
        if (images == nullptr) {
            error(node, fmt::format("'{}' wants a list of paths, such as [\"/usr/lib/systemd/**\"]", key));
            return;
        }
        for (const toml::node& entry : *images) {
            if (const std::optional<std::u16string> path = take_path(entry, key)) {
                entries.push_back(make_entry(*path, 0, action, entry));
            }
        }
        too_many(images_.size() + allowed_.size(), AEGIS_POLICY_IMAGES_MAX, node);
    }

    void take_rules(const toml::node& node) {
        const toml::array* const rules = node.as_array();
        if (rules == nullptr || !rules->is_array_of_tables()) {
            error(node, "'rule' wants tables in double brackets: [[rule]]");
            return;
        }
        for (const toml::node& entry : *rules) {
            take_rule(*entry.as_table());
        }
        too_many(rules_.size(), AEGIS_POLICY_PATHS_MAX, node);
        too_many(extensions_.size(), AEGIS_POLICY_EXTENSIONS_MAX, node);
    }

    void too_many(std::size_t entries, std::size_t most, const toml::node& node) {
        if (entries > most) {
            error(node, fmt::format("{} entries; the driver takes {}", entries, most));
        }
    }

    void take_rule(const toml::table& table) {
        std::optional<std::u16string> path;
        std::optional<std::u16string> extension;
        std::uint8_t action = 0;
        std::uint32_t types = 1U << AEGIS_EVENT_PROCESS_CREATE;
        for (const auto& [key, value] : table) {
            if (key == "path") {
                path = take_path(value, "path");
            } else if (key == "extension") {
                extension = take_extension(value);
            } else if (key == "action") {
                action = take_action(value);
            } else if (key == "events") {
                types = take_types(value);
            } else {
                unknown(key, "a rule", "path, extension, action and events");
            }
        }
        if (path && !table.contains("events") && is_at_or_below(folded(*path), kRegistryRoot)) {
            types = 1U << AEGIS_EVENT_REGISTRY_OP;
        }
        if (!table.contains("action")) {
            error(table, "this rule has no 'action'");
        }
        if (table.contains("path") == table.contains("extension")) {
            error(table, "a rule has either a 'path' or an 'extension'");
            return;
        }
        if (action == AEGIS_POLICY_REFUSE && table.contains("path")) {
            refuse_only_what_can_be(types, *table.get("path"));
        }
        if (extension && (types & 1U << AEGIS_EVENT_REGISTRY_OP) != 0) {
            error(*table.get("extension"), "'registry-change' has no extensions: name its keys with a 'path'");
        }
        if (path) {
            rules_.push_back(make_entry(*path, types, action, *table.get("path")));
        }
        if (extension && action == AEGIS_POLICY_REFUSE) {
            error(table, "an extension cannot be refused: everybody chooses the names of files; refuse a path");
        } else if (extension) {
            extensions_.push_back(make_entry(*extension, types, action, *table.get("extension")));
        }
    }

    void refuse_only_what_can_be(std::uint32_t types, const toml::node& node) {
        for (const EventName& event : kEvents) {
            if ((types >> event.type & 1) != 0 && !event.refusable) {
                error(node, fmt::format("'{}' cannot be refused: {} can", event.name,
                                        names_of_events([](const EventName& known) { return known.refusable; })));
            }
        }
    }

    std::uint8_t take_action(const toml::node& node) {
        const std::optional<std::string> value = text(node, "action");
        if (value == "report") {
            return AEGIS_POLICY_REPORT;
        }
        if (value == "drop") {
            return AEGIS_POLICY_DROP;
        }
        if (value && value != "refuse") {
            error(node, fmt::format("'{}' is no action: report, drop and refuse are", *value));
        }
        return AEGIS_POLICY_REFUSE;
    }

    std::uint32_t take_types(const toml::node& node) {
        const toml::array* const names = node.as_array();
        if (names == nullptr || names->empty()) {
            error(node, "'events' wants a list, such as [\"process-start\"]");
            return 1;
        }
        std::uint32_t types = 0;
        for (const toml::node& entry : *names) {
            const std::optional<std::string> name = text(entry, "events");
            const EventName* const event = name ? event_of(*name) : nullptr;
            if (event != nullptr && event->has_path) {
                types |= 1U << event->type;
            } else if (event != nullptr) {
                error(entry, fmt::format("a rule for '{}' can never match: it has no path", *name));
            } else if (name) {
                error(entry, fmt::format("'{}' is no event with a path: {} are", *name,
                                         names_of_events([](const EventName& known) { return known.has_path; })));
            }
        }
        return types;
    }

    // A path with what may stand behind it taken off.
    std::optional<std::u16string> take_path(const toml::node& node, std::string_view key) {
        std::optional<std::string> given = text(node, key);
        if (!given) {
            return std::nullopt;
        }
        std::u16string path = utf8::utf8to16(*given);
        if (path.ends_with(u"/**") || path.ends_with(u"\\**")) {
            path.resize(path.size() - 3);
        }
        const char* const fault = fault_of(path);
        if (fault != nullptr) {
            error(node, fmt::format("'{}' {}", *given, fault));
            return std::nullopt;
        }
        return path;
    }

    std::optional<std::u16string> take_extension(const toml::node& node) {
        const std::optional<std::string> given = text(node, "extension");
        if (!given) {
            return std::nullopt;
        }
        std::u16string extension = utf8::utf8to16(*given);
        const bool one = std::none_of(extension.begin(), extension.end(), [](char16_t unit) {
            return is_separator(unit) || unit == u'.' || unit == u'*' || unit == u'?' || unit == u'\0';
        });
        if (!one || extension.empty() || extension.size() > AEGIS_POLICY_EXTENSION_UNITS_MAX) {
            error(node, fmt::format("'{}' is no extension: write what follows a name's last dot, such as \"scr\", at "
                                    "most {} units",
                                    *given, AEGIS_POLICY_EXTENSION_UNITS_MAX));
            return std::nullopt;
        }
        return extension;
    }

    static const char* fault_of(const std::u16string& path) {
        if (path.empty() || !is_separator(path.front())) {
            return "does not begin with a separator; write the path as the kernel has it: /usr/bin on Linux, "
                   "\\Device\\HarddiskVolume3\\Windows on Windows";
        }
        if (path.find_first_of(u"*?") != std::u16string::npos) {
            return "has a wildcard; only /** at the end is understood: a rule names a path and what lies below it";
        }
        if (path.find(u'\0') != std::u16string::npos) {
            return "has a character 0";
        }
        if (is_separator(path.back())) {
            return "ends with a separator; a folder is written without, or with /** behind it";
        }
        for (std::size_t i = 1; i < path.size(); ++i) {
            if (is_separator(path[i]) && is_separator(path[i - 1])) {
                return "has two separators in a row";
            }
        }
        return path.size() > AEGIS_POLICY_PATH_UNITS_MAX ? "is longer than 511 units" : nullptr;
    }

    void find_collisions(const std::vector<Entry>& entries) {
        for (std::size_t i = 0; i < entries.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                if (entries[i].folded == entries[j].folded) {
                    error(entries[i].place,
                          fmt::format("the same as in line {}: case and kind of separator mean nothing",
                                      entries[j].place.line));
                    break;
                }
            }
        }
    }

    const Entry* longest_at(const std::vector<Entry>& entries, std::u16string_view path) const {
        const Entry* found = nullptr;
        for (const Entry& entry : entries) {
            const bool longer = found == nullptr || entry.folded.size() > found->folded.size();
            found = longer && is_at_or_below(path, entry.folded) ? &entry : found;
        }
        return found;
    }

    // Empty: there is one among the types that is not off.
    std::string all_off(std::uint32_t types) const {
        const auto is_among = [&](const EventName& event) { return (types >> event.type & 1) != 0; };
        for (const EventName& event : kEvents) {
            const AEGIS_POLICY_TYPE& type = types_[event.type];
            if (is_among(event) && (type.Default == 0 || type.Operations != 0)) {
                return {};
            }
        }
        return names_of_events(is_among);
    }

    void warn_where_off(const Entry& rule) {
        if (const std::string off = all_off(rule.rule.types); !off.empty()) {
            warn(rule.place, fmt::format("this rule never decides: {} {} off", off,
                                         off.find(" and ") == std::string::npos ? "is" : "are"));
        }
    }

    void find_rules_that_never_decide() {
        constexpr std::uint32_t kStarts = 1U << AEGIS_EVENT_PROCESS_CREATE;
        for (const Entry& rule : rules_) {
            if (rule.rule.action == AEGIS_POLICY_REFUSE) {
                continue;
            }
            const Entry* const image = rule.rule.types == kStarts ? longest_at(images_, rule.folded) : nullptr;
            if (image != nullptr) {
                warn(rule.place, fmt::format("this rule never decides: line {} excludes the image", image->place.line));
            } else if (longest_refusal_above(rule.folded) == nullptr) {
                // Among refusals it is an exception, which has its use.
                warn_where_off(rule);
            }
        }
        for (const Entry& extension : extensions_) {
            warn_where_off(extension);
        }
        for (const Entry& image : images_) {
            const Entry* const rule = longest_at(rules_, image.folded);
            const bool exception_below = std::any_of(rules_.begin(), rules_.end(), [&](const Entry& other) {
                return other.rule.action != AEGIS_POLICY_REFUSE && is_at_or_below(other.folded, image.folded);
            });
            if (rule != nullptr && rule->rule.action == AEGIS_POLICY_REFUSE && !exception_below) {
                warn(image.place,
                     fmt::format("this exclusion never decides: line {} refuses the image", rule->place.line));
            }
        }
    }

    const Entry* longest_refusal_above(std::u16string_view path) const {
        for (const Entry& entry : rules_) {
            if (entry.rule.action == AEGIS_POLICY_REFUSE && is_at_or_below(path, entry.folded)) {
                return &entry;
            }
        }
        return nullptr;
    }

    void render(const std::vector<Entry>& every_image) {
        const auto rules_of = [](const std::vector<Entry>& entries) {
            std::vector<PolicyRule> rules;
            for (const Entry& entry : entries) {
                rules.push_back(entry.rule);
            }
            return rules;
        };
        file_.blob = policy_blob(types_, rules_of(rules_), rules_of(every_image), rules_of(extensions_), handles_);
        if (file_.blob.size() > AEGIS_POLICY_BYTES_MAX) {
            error(toml::source_position{1, 1},
                  fmt::format("the policy takes {} bytes; the driver takes {}: use fewer or shorter paths",
                              file_.blob.size(), AEGIS_POLICY_BYTES_MAX));
        }
    }

    PolicyFile& file_;
    PolicyTypes types_{};
    std::vector<Entry> rules_;
    std::vector<Entry> images_;
    std::vector<Entry> allowed_;
    HandlePolicy handles_;
    std::vector<Entry> extensions_;
};

}  // namespace

PolicyFile compile_policy(std::string_view toml) {
    PolicyFile file;
    try {
        Compiler(file).compile(toml::parse(toml));
    } catch (const toml::parse_error& error) {
        const toml::source_position& place = error.source().begin;
        file.errors.push_back({place.line, place.column, std::string(error.description())});
    }
    return file;
}

}  // namespace aegis::agent
