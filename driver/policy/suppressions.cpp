#include "policy/suppressions.hpp"

#include "nt/spin_lock.hpp"

namespace aegis::driver {

void Suppressions::count(AEGIS_SUPPRESSED_PAYLOAD* note, std::int64_t now) const {
    if (note->Count == 0) {
        note->FirstTime = now;
        note->Generation = generation_;
    }
    note->LastTime = now;
    ++note->Count;
}

void Suppressions::release(AEGIS_SUPPRESSED_PAYLOAD* note, DueNotes* due) {
    if (note->Count != 0) {
        due->add(*note);
        note->Count = 0;
    }
}

void Suppressions::count_limited(std::uint16_t type, std::int64_t now) {
    const QueuedSpinLockScope lock(lock_);
    AEGIS_SUPPRESSED_PAYLOAD& note = limited_[type];
    note.Type = type;
    note.Reason = AEGIS_SUPPRESSED_LIMITED;
    count(&note, now);
    any_limited_.fetch_or(1U << type, std::memory_order_relaxed);
}

void Suppressions::release_limited(std::uint16_t type, DueNotes* due) {
    if ((any_limited_.load(std::memory_order_relaxed) >> type & 1) == 0) {
        return;
    }
    const QueuedSpinLockScope lock(lock_);
    release(&limited_[type], due);
    any_limited_.fetch_and(~(1U << type), std::memory_order_relaxed);
}

bool Suppressions::merge(std::uint64_t kind, std::int64_t now, std::int64_t window) {
    const QueuedSpinLockScope lock(lock_);
    Place& place = places_[kind % kPlaces];
    if (place.kind != kind || now < place.note.LikeTime || now - place.note.LikeTime >= window) {
        return false;
    }
    count(&place.note, now);
    return true;
}

void Suppressions::open(std::uint64_t kind, std::uint16_t type, std::uint32_t process_id, std::int64_t now,
                        std::int64_t window, DueNotes* due) {
    const QueuedSpinLockScope lock(lock_);
    Place& place = places_[kind % kPlaces];
    release(&place.note, due);
    place.kind = kind;
    place.note.LikeTime = now;
    place.note.LikeProcessId = process_id;
    place.note.Type = type;
    place.note.Reason = AEGIS_SUPPRESSED_MERGED;

    AEGIS_SUPPRESSED_PAYLOAD& other = places_[hand_].note;
    hand_ = (hand_ + 1) % kPlaces;
    if (now - other.LikeTime >= window) {
        release(&other, due);
    }
}

bool Suppressions::take_any(AEGIS_SUPPRESSED_PAYLOAD* note) {
    const QueuedSpinLockScope lock(lock_);
    DueNotes due;
    for (std::size_t i = 0; i < AEGIS_POLICY_TYPES && due.count == 0; ++i) {
        release(&limited_[i], &due);
    }
    for (std::size_t i = 0; i < kPlaces && due.count == 0; ++i) {
        release(&places_[i].note, &due);
    }
    if (due.count == 0) {
        return false;
    }
    *note = due.notes[0];
    return true;
}

}  // namespace aegis::driver
