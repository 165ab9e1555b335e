#include "policy/compiled_policy.hpp"

#include <initializer_list>
#include <new>

#include "nt/pool.hpp"
#include "nt/scope_guard.hpp"
#include "policy/path_hash.hpp"

namespace aegis::driver {
namespace {

constexpr std::int64_t kTimePerMs = 10'000;

// The tables lie behind the policy, in one block with it: those of the paths, images and extensions, and their texts.
constexpr std::size_t kTables = (sizeof(CompiledPolicy) + 15) / 16 * 16;

std::size_t bytes_for(const PolicyBlob& blob) {
    return kTables + PathTable::bytes_for(blob.count(AEGIS_POLICY_PATHS)) +
           PathTable::bytes_for(blob.count(AEGIS_POLICY_IMAGES)) +
           PathTable::bytes_for(blob.count(AEGIS_POLICY_EXTENSIONS)) +
           blob.count(AEGIS_POLICY_TEXT) * sizeof(std::uint16_t);
}

void count(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t counted(const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
}

}  // namespace

NTSTATUS CompiledPolicy::create(const PolicyBlob& blob, const PolicyOrigin& origin, const CaseTable& cases,
                                CompiledPolicy** policy) {
    void* block = allocate_nonpaged(bytes_for(blob));
    if (block == nullptr) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ScopeGuard free_block([&] { free_nonpaged(block); });
    auto* created = new (block) CompiledPolicy;
    const NTSTATUS status = created->build(blob, origin, cases);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    free_block.keep();
    *policy = created;
    return STATUS_SUCCESS;
}

void CompiledPolicy::destroy(CompiledPolicy* policy) {
    free_nonpaged(policy);
}

NTSTATUS CompiledPolicy::build(const PolicyBlob& blob, const PolicyOrigin& origin, const CaseTable& cases) {
    origin_ = origin;
    cases_ = &cases;
    suppressions_.initialize(origin.generation);
    for (unsigned i = 0; i < AEGIS_POLICY_TYPES; ++i) {
        const AEGIS_POLICY_TYPE& from = blob.header->Types[i];
        TypeRules& rules = types_[i];
        rules.operations = from.Default == 0 ? ~0U : from.Operations;
        rules.drop = from.Default == AEGIS_POLICY_DROP;
        rules.merge_window = from.MergeMs * kTimePerMs;
        rules.bucket.initialize(from.TokensPerSecond, from.Burst, origin.time);
    }
    for (std::uint32_t i = 0; i < blob.count(AEGIS_POLICY_PATHS); ++i) {
        types_with_refusals_ |= blob.paths[i].Action == AEGIS_POLICY_REFUSE ? blob.paths[i].Types : 0;
    }
    for (std::uint32_t i = 0; i < blob.count(AEGIS_POLICY_IMAGES); ++i) {
        allows_somebody_ = allows_somebody_ || blob.images[i].Action == AEGIS_POLICY_ALLOW;
    }
    handles_.build(blob.handles);

    struct Part {
        PathTable* table;
        const AEGIS_POLICY_RULE* rules;
        std::uint32_t count;
    };
    const Part parts[] = {{&paths_, blob.paths, blob.count(AEGIS_POLICY_PATHS)},
                          {&images_, blob.images, blob.count(AEGIS_POLICY_IMAGES)},
                          {&extensions_, blob.extensions, blob.count(AEGIS_POLICY_EXTENSIONS)}};
    auto* memory = reinterpret_cast<std::uint8_t*>(this) + kTables;
    std::uint8_t* text_memory = memory;
    for (const Part& part : parts) {
        text_memory += PathTable::bytes_for(part.count);
    }
    auto* to = reinterpret_cast<std::uint16_t*>(text_memory);
    const std::uint16_t* from = blob.text;
    for (const Part& part : parts) {
        const NTSTATUS status = part.table->build(part.rules, part.count, from, to, cases, memory);
        if (!NT_SUCCESS(status)) {
            return status;
        }
        memory += PathTable::bytes_for(part.count);
        for (std::uint32_t i = 0; i < part.count; ++i) {
            from += part.rules[i].TextUnits;
            to += part.rules[i].TextUnits;
        }
    }
    return STATUS_SUCCESS;
}

void CompiledPolicy::filter(TypeRules& rules, Decision* decision) {
    count(rules.filtered);
    decision->verdict = Verdict::kFilter;
}

std::uint32_t CompiledPolicy::types_off() const {
    std::uint32_t off = 0;
    for (unsigned type = 0; type < AEGIS_POLICY_TYPES; ++type) {
        // A start tells which processes are excluded, whoever wants to hear of it.
        const bool tells = type == AEGIS_EVENT_PROCESS_CREATE && images_.count() != 0;
        off |= types_[type].operations == 0 && !tells ? 1U << type : 0;
    }
    return off & ~types_with_refusals_;
}

void CompiledPolicy::decide(const Subject& subject, bool excluded, Decision* decision) {
    TypeRules& rules = types_[subject.type];
    const std::uint32_t type = 1U << subject.type;
    const bool wanted = (rules.operations >> subject.operation & 1) != 0;
    const bool starts = subject.type == AEGIS_EVENT_PROCESS_CREATE;
    const bool has_path = subject.path.length != 0;
    if (!wanted && !starts && (types_with_refusals_ & type) == 0) {
        filter(rules, decision);
        return;
    }
    PathRule* rule = has_path ? paths_.longest(subject.path, type) : nullptr;
    if (rule != nullptr && rule->action == AEGIS_POLICY_REFUSE && subject.may_be_refused) {
        count(rule->hits);
        count(rules.refused);
        decision->refused = true;
        decision->mark = ProcessMark::kRefused;
        pass(rules, subject, decision);
        return;
    }
    PathRule* const image = starts && has_path ? images_.longest(subject.path, type) : nullptr;
    if (image != nullptr) {
        count(image->hits);
        decision->mark = ProcessMark::kExcluded;
    }
    if (!wanted || excluded || image != nullptr) {
        filter(rules, decision);
        return;
    }
    if (rule == nullptr && has_path && extensions_.count() != 0) {
        rule = extensions_.longest(extension_of(subject.path), type);
    }
    bool drop = rules.drop;
    if (rule != nullptr) {
        count(rule->hits);
        // One that may not refuse reports.
        drop = rule->action == AEGIS_POLICY_DROP;
        decision->mark = drop ? ProcessMark::kDropped : ProcessMark::kReported;
    }
    if (drop) {
        filter(rules, decision);
        return;
    }
    pass(rules, subject, decision);
}

bool CompiledPolicy::would_refuse(const Subject& subject) const {
    const std::uint32_t type = 1U << subject.type;
    if ((types_with_refusals_ & type) == 0) {
        return false;
    }
    const PathRule* const rule = paths_.longest(subject.path, type);
    return rule != nullptr && rule->action == AEGIS_POLICY_REFUSE;
}

void CompiledPolicy::decide_refused(const Subject& subject, Decision* decision) {
    TypeRules& rules = types_[subject.type];
    PathRule* const rule = subject.path.length != 0 ? paths_.longest(subject.path, 1U << subject.type) : nullptr;
    if (rule != nullptr && rule->action == AEGIS_POLICY_REFUSE) {
        count(rule->hits);
    }
    count(rules.refused);
    decision->refused = true;
    pass(rules, subject, decision);
}

void CompiledPolicy::decide_end(const Subject& subject, ProcessMark mark, Decision* decision) {
    TypeRules& rules = types_[subject.type];
    if (rules.operations == 0 || (rules.drop && mark != ProcessMark::kReported)) {
        filter(rules, decision);
        return;
    }
    pass(rules, subject, decision);
}

bool CompiledPolicy::allows(const PathText& image) {
    PathRule* const rule = images_.longest(image, kOpeners);
    if (rule != nullptr) {
        count(rule->hits);
    }
    return rule != nullptr;
}

void CompiledPolicy::pass(TypeRules& rules, const Subject& subject, Decision* decision) {
    const bool merges = rules.merge_window != 0;
    const std::uint64_t kind = merges ? kind_of(subject, decision->refused) : 0;
    if (merges && suppressions_.merge(kind, subject.time, rules.merge_window)) {
        count(rules.merged);
        decision->verdict = Verdict::kMerge;
        return;
    }
    if (!decision->refused && !rules.bucket.take(subject.time)) {
        count(rules.limited);
        suppressions_.count_limited(subject.type, subject.time);
        decision->verdict = Verdict::kLimit;
        return;
    }
    suppressions_.release_limited(subject.type, &decision->due);
    if (merges) {
        suppressions_.open(kind, subject.type, subject.process_id, subject.time, rules.merge_window, &decision->due);
    }
}

// Before any lock is taken: the path may be pageable.
std::uint64_t CompiledPolicy::kind_of(const Subject& subject, bool refused) const {
    std::uint64_t hash = path_hash(kPathHashOfNothing, subject.type);
    hash = path_hash(hash, refused ? 1 : 0);
    hash = path_hash(hash, static_cast<std::uint16_t>(subject.actor_id));
    hash = path_hash(hash, static_cast<std::uint16_t>(subject.actor_id >> 16));
    hash = path_hash(hash, subject.operation);
    for (const PathText& text : {subject.path, subject.name}) {
        const std::size_t units =
            text.length <= AEGIS_POLICY_PATH_UNITS_MAX ? text.length : AEGIS_POLICY_PATH_UNITS_MAX;
        for (std::size_t i = 0; i < units; ++i) {
            hash = path_hash(hash, cases_->fold(text.units[i]));
        }
        hash = path_hash(hash, 0);
    }
    return hash;
}

PathText CompiledPolicy::extension_of(const PathText& path) const {
    const std::size_t most = path.length <= extensions_.longest_units() ? path.length : extensions_.longest_units() + 1;
    for (std::size_t units = 1; units <= most; ++units) {
        const std::uint16_t unit = path.units[path.length - units];
        if (unit == u'.') {
            return {path.units + path.length - units + 1, units - 1};
        }
        if (cases_->fold(unit) == CaseTable::kSeparator) {
            break;
        }
    }
    return {};
}

void CompiledPolicy::describe(AEGIS_GET_POLICY_REPLY* reply) const {
    reply->Generation = origin_.generation;
    reply->Digest = origin_.digest;
    reply->SetTime = origin_.time;
    reply->OwnerProcessId = origin_.owner_process_id;
    reply->Rules = paths_.count() + images_.count() + extensions_.count();
    for (unsigned i = 0; i < AEGIS_POLICY_TYPES; ++i) {
        const TypeRules& rules = types_[i];
        reply->Types[i] = {counted(rules.filtered), counted(rules.limited), counted(rules.merged),
                           counted(rules.refused)};
    }
    std::uint64_t* hits = reply->Hits;
    for (const PathTable* table : {&paths_, &images_, &extensions_}) {
        for (std::uint32_t i = 0; i < table->count(); ++i) {
            *hits++ = counted(table->rules()[i].hits);
        }
    }
}

}  // namespace aegis::driver
