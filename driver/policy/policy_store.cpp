#include "policy/policy_store.hpp"

#include <iterator>

#include "diagnostics/diagnostics.hpp"

namespace aegis::driver {
namespace {

std::uint64_t digest_of(const void* blob, std::size_t bytes) {
    std::uint64_t digest = 0xCBF29CE484222325;
    for (std::size_t i = 0; i < bytes; ++i) {
        digest = (digest ^ static_cast<const std::uint8_t*>(blob)[i]) * 0x100000001B3;
    }
    return digest;
}

}  // namespace

NTSTATUS PolicyStore::create(RingChannel& channel, const SystemClock& clock) {
    channel_ = &channel;
    clock_ = &clock;
    turn_.initialize();
    owner_ = nullptr;
    generation_ = 0;
    in_force_.create();
    marks_.clear();
    protected_.clear();
    can_protect_ = false;
    for (unsigned type = 0; type < AEGIS_POLICY_TYPES; ++type) {
        off_[type].store(0, std::memory_order_relaxed);
        off_before_[type] = 0;
    }
    notes_.store(0, std::memory_order_relaxed);
    unmarked_.store(0, std::memory_order_relaxed);
    return cases_.create();
}

void PolicyStore::destroy() {
    cases_.destroy();
}

NTSTATUS PolicyStore::set(const void* owner, std::uint32_t process_id, const void* blob, std::size_t bytes,
                          AEGIS_SET_POLICY_REPLY* reply) {
    PolicyBlob parsed;
    NTSTATUS status = parse_policy(blob, bytes, &parsed);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (parsed.handles.process_count != 0 && !can_protect_) {
        return STATUS_NOT_SUPPORTED;
    }
    if (owner_ != nullptr && owner_ != owner) {
        return STATUS_SHARING_VIOLATION;
    }
    const PolicyOrigin origin{generation_ + 1, digest_of(blob, bytes), clock_->now(), process_id};
    CompiledPolicy* policy = nullptr;
    status = CompiledPolicy::create(parsed, origin, cases_, &policy);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    owner_ = owner;
    generation_ = origin.generation;
    exchange(policy);
    report_policy_set(origin.generation, process_id);
    reply->Generation = origin.generation;
    reply->Digest = origin.digest;
    return STATUS_SUCCESS;
}

void PolicyStore::end(const void* owner) {
    const FastMutexScope turn(turn_);
    if (owner_ == owner) {
        owner_ = nullptr;
        exchange(nullptr);
        report_policy_ended(generation_);
    }
}

std::uint64_t PolicyStore::generation_in_force() {
    const FastMutexScope turn(turn_);
    return owner_ == nullptr ? 0 : generation_;
}

void PolicyStore::describe(AEGIS_GET_POLICY_REPLY* reply) {
    const FastMutexScope turn(turn_);
    const CompiledPolicy* const policy = in_force_.object();
    if (policy != nullptr) {
        policy->describe(reply);
        for (unsigned type = 0; type < AEGIS_POLICY_TYPES; ++type) {
            reply->Types[type].Filtered += off_[type].load(std::memory_order_relaxed) - off_before_[type];
        }
    }
    reply->Notes = notes_.load(std::memory_order_relaxed);
    reply->UnmarkedProcesses = unmarked_.load(std::memory_order_relaxed);
}

void PolicyStore::exchange(CompiledPolicy* next) {
    CompiledPolicy* const old = in_force_.exchange(next, next != nullptr ? next->types_off() : 0);
    for (unsigned type = 0; type < AEGIS_POLICY_TYPES; ++type) {
        off_before_[type] = off_[type].load(std::memory_order_relaxed);
    }
    for (std::uint8_t type = 0; type < std::size(handle_masks_); ++type) {
        handle_masks_[type].store(next == nullptr ? 0 : next->handles().mask(type), std::memory_order_relaxed);
    }
    // Release: pairs with the loads in protects_somebody() and allows_somebody().
    policy_protects_.store(next != nullptr && next->handles().protects_somebody(), std::memory_order_release);
    policy_allows_.store(next != nullptr && next->allows_somebody(), std::memory_order_release);
    if (old == nullptr) {
        return;
    }
    AEGIS_SUPPRESSED_PAYLOAD note;
    while (old->take_any(&note)) {
        publish_note(note, clock_->now());
    }
    CompiledPolicy::destroy(old);
}

Decision PolicyStore::process_started(const Subject& subject) {
    Decision decision;
    if (is_off(subject.type)) {
        decision.verdict = Verdict::kOff;
    } else {
        const Reader reader(in_force_);
        CompiledPolicy* const policy = reader.policy();
        if (policy != nullptr) {
            policy->decide(subject, false, &decision);
        }
    }
    mark(subject.process_id, decision.mark);
    return decision;
}

Decision PolicyStore::process_ended(const Subject& subject) {
    Decision decision;
    // Whatever the policy is by now: an end whose start nobody has seen tells nobody anything.
    const ProcessMark mark = marks_.take(subject.process_id);
    if (is_off(subject.type)) {
        decision.verdict = Verdict::kOff;
        return decision;
    }
    const Reader reader(in_force_);
    CompiledPolicy* const policy = reader.policy();
    if (mark == ProcessMark::kDropped || mark == ProcessMark::kExcluded || mark == ProcessMark::kRefused) {
        decision.verdict = Verdict::kFilter;
    } else if (policy != nullptr) {
        policy->decide_end(subject, mark, &decision);
    }
    return decision;
}

Decision PolicyStore::happened(const Subject& subject) {
    Decision decision;
    // Whatever the policy is by now, as with the process's end.
    const bool excluded = marks_.look(subject.process_id) == ProcessMark::kExcluded;
    const Reader reader(in_force_);
    CompiledPolicy* const policy = reader.policy();
    if (policy != nullptr) {
        policy->decide(subject, excluded, &decision);
    } else if (excluded) {
        decision.verdict = Verdict::kFilter;
    }
    return decision;
}

bool PolicyStore::would_refuse(const Subject& subject) {
    const Reader reader(in_force_);
    const CompiledPolicy* const policy = reader.policy();
    return policy != nullptr && policy->would_refuse(subject);
}

Decision PolicyStore::refused(const Subject& subject) {
    Decision decision;
    const Reader reader(in_force_);
    CompiledPolicy* const policy = reader.policy();
    if (policy != nullptr) {
        policy->decide_refused(subject, &decision);
    }
    decision.refused = true;
    return decision;
}

bool PolicyStore::protects(std::uint32_t process_id, std::uint64_t key) {
    if (protected_.contains(process_id, key)) {
        return true;
    }
    const Reader reader(in_force_);
    const CompiledPolicy* const policy = reader.policy();
    return policy != nullptr && policy->handles().protects(process_id, key);
}

bool PolicyStore::allows(const PathText& image) {
    const Reader reader(in_force_);
    CompiledPolicy* const policy = reader.policy();
    return policy != nullptr && policy->allows(image);
}

std::uint64_t PolicyStore::counted_off(std::uint32_t types) const {
    std::uint64_t count = 0;
    for (unsigned type = 0; type < AEGIS_POLICY_TYPES; ++type) {
        count += (types >> type & 1) != 0 ? off_[type].load(std::memory_order_relaxed) : 0;
    }
    return count;
}

void PolicyStore::mark(std::uint32_t process_id, ProcessMark mark) {
    if (!marks_.set(process_id, mark)) {
        unmarked_.fetch_add(1, std::memory_order_relaxed);
    }
}

void PolicyStore::publish(const DueNotes& due, std::int64_t time) {
    for (std::size_t i = 0; i < due.count; ++i) {
        publish_note(due.notes[i], time);
    }
}

void PolicyStore::publish_note(const AEGIS_SUPPRESSED_PAYLOAD& note, std::int64_t time) {
    if (channel_->publish(AEGIS_EVENT_SUPPRESSED, time, &note, sizeof(note))) {
        notes_.fetch_add(1, std::memory_order_relaxed);
    }
}

}  // namespace aegis::driver
