#include "policy/path_table.hpp"

#include <new>

#include "policy/path_hash.hpp"

namespace aegis::driver {

namespace {

std::uint32_t types_of(const AEGIS_POLICY_RULE& rule) {
    if (rule.Types != 0) {
        return rule.Types;
    }
    return rule.Action == AEGIS_POLICY_ALLOW ? kOpeners : ~kOpeners;
}

}  // namespace

std::uint32_t PathTable::slots_for(std::uint32_t count) {
    std::uint32_t slots = 2;
    while (slots < 2 * count) {
        slots *= 2;
    }
    return slots;
}

std::size_t PathTable::bytes_for(std::uint32_t count) {
    return count * sizeof(PathRule) + slots_for(count) * sizeof(PathRule*);
}

NTSTATUS PathTable::build(const AEGIS_POLICY_RULE* rules, std::uint32_t count, const std::uint16_t* from,
                          std::uint16_t* to, const CaseTable& cases, void* memory) {
    cases_ = &cases;
    rules_ = static_cast<PathRule*>(memory);
    slots_ = reinterpret_cast<PathRule**>(rules_ + count);
    mask_ = slots_for(count) - 1;
    count_ = count;
    longest_ = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        auto* rule = new (rules_ + i) PathRule{};
        rule->hash = kPathHashOfNothing;
        rule->text = to;
        rule->types = types_of(rules[i]);
        rule->length = rules[i].TextUnits;
        rule->action = rules[i].Action;
        for (std::uint32_t unit = 0; unit < rule->length; ++unit) {
            to[unit] = cases.fold(from[unit]);
            rule->hash = path_hash(rule->hash, to[unit]);
        }
        from += rule->length;
        to += rule->length;
        longest_ = rule->length > longest_ ? rule->length : longest_;
        if (!insert(rule)) {
            return STATUS_OBJECT_NAME_COLLISION;
        }
    }
    return STATUS_SUCCESS;
}

PathRule* PathTable::longest(const PathText& path, std::uint32_t types) const {
    PathRule* const rule = scan(path, types, Trust::kHash);
    return rule == nullptr || begins_with(path, *rule) ? rule : scan(path, types, Trust::kText);
}

PathRule* PathTable::scan(const PathText& path, std::uint32_t types, Trust trust) const {
    const std::size_t end = path.length <= longest_ ? path.length : longest_ + std::size_t{1};
    PathRule* found = nullptr;
    const auto look = [&](std::uint64_t hash) {
        PathRule* const rule = find(hash);
        if (rule != nullptr && (rule->types & types) != 0 && (trust == Trust::kHash || begins_with(path, *rule))) {
            found = rule;
        }
    };
    std::uint64_t hash = kPathHashOfNothing;
    for (std::size_t i = 0; i < end; ++i) {
        const std::uint16_t unit = cases_->fold(path.units[i]);
        if (unit == CaseTable::kSeparator) {
            look(hash);
        }
        hash = path_hash(hash, unit);
    }
    if (end == path.length) {
        look(hash);
    }
    return found;
}

PathRule* PathTable::find(std::uint64_t hash) const {
    for (auto slot = static_cast<std::uint32_t>(hash) & mask_; slots_[slot] != nullptr; slot = (slot + 1) & mask_) {
        if (slots_[slot]->hash == hash) {
            return slots_[slot];
        }
    }
    return nullptr;
}

bool PathTable::begins_with(const PathText& path, const PathRule& rule) const {
    if (path.length < rule.length) {
        return false;
    }
    for (std::size_t i = 0; i < rule.length; ++i) {
        if (cases_->fold(path.units[i]) != rule.text[i]) {
            return false;
        }
    }
    return path.length == rule.length || cases_->fold(path.units[rule.length]) == CaseTable::kSeparator;
}

bool PathTable::insert(PathRule* rule) {
    auto slot = static_cast<std::uint32_t>(rule->hash) & mask_;
    for (; slots_[slot] != nullptr; slot = (slot + 1) & mask_) {
        // Two paths that share a hash would be told apart nowhere; that chance is smaller than any other failure's.
        if (slots_[slot]->hash == rule->hash) {
            return false;
        }
    }
    slots_[slot] = rule;
    return true;
}

}  // namespace aegis::driver
