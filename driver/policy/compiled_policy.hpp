// A policy as callbacks use it: one block of nonpaged memory that changes only in its counters.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "aegis/policy.h"
#include "nt/nt.hpp"
#include "policy/case_table.hpp"
#include "policy/handle_rules.hpp"
#include "policy/path_table.hpp"
#include "policy/policy_blob.hpp"
#include "policy/process_marks.hpp"
#include "policy/suppressions.hpp"
#include "policy/token_bucket.hpp"

namespace aegis::driver {

enum class Verdict : std::uint8_t {
    kPublish,
    kFilter,
    kLimit,
    kMerge,
    kOff,  // filtered, and PolicyStore has counted it for the sensor, too
};

// What a sensor knows of one thing before it makes an event of it.
struct Subject {
    std::uint16_t type;        // AEGIS_EVENT_…
    std::uint32_t process_id;  // whose it is
    std::uint32_t actor_id;    // who does it; part of what makes two of them alike
    PathText path;
    std::int64_t time;
    bool may_be_refused;
    std::uint8_t operation = 0;  // its bit in AEGIS_POLICY_TYPE.Operations
    PathText name{};             // what else makes two of them alike
};

struct Decision {
    Verdict verdict = Verdict::kPublish;
    bool refused = false;
    ProcessMark mark = ProcessMark::kNone;  // of a process's start
    DueNotes due;                           // to be published before the event
};

// When and by whom a policy was set.
struct PolicyOrigin {
    std::uint64_t generation;
    std::uint64_t digest;
    std::int64_t time;
    std::uint32_t owner_process_id;
};

class CompiledPolicy {
  public:
    // A policy of its own in pool. STATUS_INSUFFICIENT_RESOURCES, STATUS_OBJECT_NAME_COLLISION; nothing is left then.
    // IRQL <= DISPATCH_LEVEL.
    static NTSTATUS create(const PolicyBlob& blob, const PolicyOrigin& origin, const CaseTable& cases,
                           CompiledPolicy** policy);
    // When nobody uses it any more. IRQL <= DISPATCH_LEVEL.
    static void destroy(CompiledPolicy* policy);

    // The types of which nothing becomes an event, nor is refused, nor remembered: a bit for each.
    std::uint32_t types_off() const;

    // What becomes of it, counted. `excluded`: a process does it whose image is. IRQL <= DISPATCH_LEVEL, and such that
    // the path may be touched.
    void decide(const Subject& subject, bool excluded, Decision* decision);
    // Whether a rule names it, and refuses. IRQL <= DISPATCH_LEVEL, and such that the path may be touched.
    bool would_refuse(const Subject& subject) const;
    // What becomes of the event of something that is refused, by a rule or not. The same IRQL.
    void decide_refused(const Subject& subject, Decision* decision);
    // The end of a process that started with this mark. IRQL <= DISPATCH_LEVEL.
    void decide_end(const Subject& subject, ProcessMark mark, Decision* decision);

    const HandleRules& handles() const { return handles_; }

    // Whether a program may do anything to protected processes. IRQL <= DISPATCH_LEVEL, and such that the path may be
    // touched.
    bool allows(const PathText& image);
    bool allows_somebody() const { return allows_somebody_; }

    // Takes one count that was never told; see Suppressions::take_any.
    bool take_any(AEGIS_SUPPRESSED_PAYLOAD* note) { return suppressions_.take_any(note); }

    // Fills what the policy knows of a zeroed reply.
    void describe(AEGIS_GET_POLICY_REPLY* reply) const;

  private:
    struct TypeRules {
        std::uint32_t operations;  // those that are wanted
        bool drop;
        std::int64_t merge_window;  // 100 ns; 0: never
        TokenBucket bucket;
        // Relaxed: reports.
        std::atomic<std::uint64_t> filtered;
        std::atomic<std::uint64_t> limited;
        std::atomic<std::uint64_t> merged;
        std::atomic<std::uint64_t> refused;
    };

    CompiledPolicy() = default;
    NTSTATUS build(const PolicyBlob& blob, const PolicyOrigin& origin, const CaseTable& cases);
    // The same for what a rule or the default has let through.
    void pass(TypeRules& rules, const Subject& subject, Decision* decision);
    static void filter(TypeRules& rules, Decision* decision);
    std::uint64_t kind_of(const Subject& subject, bool refused) const;
    // None where it is longer than every rule's.
    PathText extension_of(const PathText& path) const;

    PolicyOrigin origin_{};
    const CaseTable* cases_ = nullptr;
    std::uint32_t types_with_refusals_ = 0;
    PathTable paths_;
    PathTable images_;
    PathTable extensions_;
    HandleRules handles_;
    bool allows_somebody_ = false;
    TypeRules types_[AEGIS_POLICY_TYPES]{};
    Suppressions suppressions_{};
};

}  // namespace aegis::driver
