"""Single changes of the ring's headers, each of which must make a test fail."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    header: str  # in ring/aegis/ring
    old: str  # stands there exactly once
    new: str
    # The tests that most likely notice, run first. See suites.py.
    suites: tuple = ()
    # Weakly ordered machines only: what a unit test says about it is a description, so the explorer must find it.
    weak_only: bool = False


def _mutants(header, suites, *rows, weak_only=False):
    return [Mutant(name, header, old, new, suites, weak_only) for name, old, new in rows]


_RELEASE_FENCE = "Atomics::fence(std::memory_order_release);"
_ACQUIRE_FENCE = "Atomics::fence(std::memory_order_acquire);"
_FULL_FENCE = "Atomics::fence(std::memory_order_seq_cst);"
_ACQ_REL_FENCE = "Atomics::fence(std::memory_order_acq_rel);"
_SECOND_LOOK = "const std::uint64_t again = memory.recheck_version(ticket);"
_ARM_STORE = "wake_at_->store(cursor + batch, std::memory_order_relaxed);"
_ARM_FENCE = "// Pairs with the fence in DoorbellRinger::ring.\n        " + _FULL_FENCE
_RING_FENCE = "// Pairs with the fence in DoorbellListener::arm.\n        " + _FULL_FENCE
_CLAIM = "return cursor_.compare_exchange_strong(from, to, std::memory_order_relaxed, std::memory_order_relaxed);"
_EXCHANGE = "wake_at.exchange(AEGIS_WAKE_NEVER, std::memory_order_relaxed)"
_SIZE = "static_cast<std::size_t>(copy[0] & 0xFFFFU)"
_HEAD = "std::max<Ticket>(memory.load_published(), being_written)"

MUTANTS = [
    # The seqlock: fences and orders. -----------------------------------------------------------------------------
    *_mutants(
        "producer.hpp", ("explorer/broadcast",),
        ("no release fence", _RELEASE_FENCE, ""),
        ("release fence acquires", _RELEASE_FENCE, _ACQUIRE_FENCE),
        weak_only=True,
    ),
    *_mutants(
        "ring_memory.hpp", ("explorer/broadcast",),
        ("even mark relaxed", "version_when_complete(ticket), std::memory_order_release)",
         "version_when_complete(ticket), std::memory_order_relaxed)"),
        ("first look relaxed", "{ return slot(ticket)->load(std::memory_order_acquire); }",
         "{ return slot(ticket)->load(std::memory_order_relaxed); }"),
        ("state stored relaxed", "state_->store(state, std::memory_order_release)",
         "state_->store(state, std::memory_order_relaxed)"),
        ("state loaded relaxed", "state_->load(std::memory_order_acquire)",
         "state_->load(std::memory_order_relaxed)"),
        weak_only=True,
    ),
    *_mutants(
        "slot_read.hpp", ("explorer/broadcast",),
        ("no acquire fence", _ACQUIRE_FENCE, ""),
        ("acquire fence releases", _ACQUIRE_FENCE, _RELEASE_FENCE),
        ("acquire fence behind the second look", f"{_ACQUIRE_FENCE}\n    {_SECOND_LOOK}",
         f"{_SECOND_LOOK}\n    {_ACQUIRE_FENCE}"),
        weak_only=True,
    ),
    # The seqlock: marks and looks. -------------------------------------------------------------------------------
    *_mutants(
        "producer.hpp", ("ring/store_order", "explorer/broadcast"),
        ("no odd mark", "memory_.mark_write_begun(ticket);", ""),
        ("no even mark", "memory_.mark_write_complete(ticket);", ""),
    ),
    *_mutants(
        "ring_memory.hpp", ("ring/ring_memory",),
        ("odd mark of the event before", "return 2 * ticket + 1;", "return 2 * ticket;"),
        ("even mark off by one lap step", "return 2 * ticket + 2;", "return 2 * ticket + 4;"),
        ("slot mask off by one", "mask_(slot_count - 1)", "mask_(slot_count)"),
        ("capacity counts the version", "return (slot_words_ - 1) *", "return slot_words_ *"),
        ("event begins at the version", "Word* event_words(Ticket ticket) { return slot(ticket) + 1; }",
         "Word* event_words(Ticket ticket) { return slot(ticket); }"),
        ("last ticket one too high", "(Ticket{1} << 63U) - 1", "Ticket{1} << 63U"),
        ("one counter for all reasons", "lost_before_[reason].store", "lost_before_[0].store"),
    ),
    *_mutants(
        "slot_read.hpp", ("ring/lapping", "explorer/broadcast"),
        ("no second look", "if (again != complete) {", "if (false) {"),
        ("second look ignores the odd mark", "if (again != complete) {", "if (again != complete && again % 2 == 0) {"),
        ("an event in the making is a lap", "version < complete ||", "version < complete - 1 ||"),
        ("a lap is nothing new", "ReadStatus::kEmpty : ReadStatus::kLapped, version}",
         "ReadStatus::kEmpty : ReadStatus::kEmpty, version}"),
    ),
    *_mutants(
        "slot_read.hpp", ("ring/limits", "ring/resync"),
        ("the last ticket has a successor", " || ticket >= kTicketLimit", ""),
        ("head beyond the last ticket", f"std::min({_HEAD}, kTicketLimit)", _HEAD),
    ),
    # What is copied. ---------------------------------------------------------------------------------------------
    *_mutants(
        "slot_read.hpp", ("ring/clamp", "ring/consumer", "ring/hostile"),
        ("no upper clamp", f"std::clamp({_SIZE}, sizeof(AEGIS_EVENT_HEADER), capacity)",
         f"std::max({_SIZE}, sizeof(AEGIS_EVENT_HEADER))"),
        ("no lower clamp", f"std::clamp({_SIZE}, sizeof(AEGIS_EVENT_HEADER), capacity)",
         f"std::min({_SIZE}, capacity)"),
        ("clamp forgets the buffer", "std::min(memory.event_capacity(), EventBuffer::kCapacity)",
         "memory.event_capacity()"),
        ("clamp forgets the slot", "std::min(memory.event_capacity(), EventBuffer::kCapacity)",
         "EventBuffer::kCapacity"),
        ("part of a word is not copied out", "(size + kWordBytes - 1) / kWordBytes", "size / kWordBytes"),
        ("buffer knows no ticket", "out.assign(ticket, size);", "out.assign(0, size);"),
    ),
    *_mutants(
        "slot_copy.hpp", ("ring/slot_copy", "ring/producer"),
        ("last bytes not copied in", "if (bytes != 0) {", "if (false) {"),
        ("rest of the last word not zero", "std::uint64_t last = 0;", "std::uint64_t last = ~std::uint64_t{0};"),
        ("a word copied in twice", "load_private_word(from + 3 * kWordBytes)",
         "load_private_word(from + 2 * kWordBytes)"),
        ("a word copied out twice", "to[3] = from[3].load", "to[3] = from[2].load"),
        ("last words not copied out", "for (; words != 0; --words) {", "for (; words > 3; --words) {"),
        ("a vector copied twice", "movdqu %%xmm3, 48(%[to])", "movdqu %%xmm2, 48(%[to])"),
        ("word copied in with order", "to->store(load_private_word(from), std::memory_order_relaxed);",
         "to->store(load_private_word(from), std::memory_order_seq_cst);"),
    ),
    *_mutants(
        "event_buffer.hpp", ("ring/event_buffer",),
        ("payload size counts the header", "return size_ - sizeof(AEGIS_EVENT_HEADER);", "return size_;"),
        ("payload begins at the header", "return words_ + kEventHeaderWords;", "return words_;"),
        ("buffer one word short", "kCapacity / sizeof(std::uint64_t)", "kCapacity / sizeof(std::uint64_t) - 1"),
    ),
    # The producer's books. ---------------------------------------------------------------------------------------
    *_mutants(
        "producer.hpp", ("ring/producer", "ring/store_order"),
        ("count not published", "next_ = ticket + 1;\n        memory_.store_published(next_);", "next_ = ticket + 1;"),
        ("published count one behind", "memory_.store_published(next_);", "memory_.store_published(ticket);"),
        ("published count published first", "const Ticket ticket = next_;",
         "const Ticket ticket = next_;\n        memory_.store_published(next_ + 1);"),
        ("first ticket not published", "memory_.store_published(first);", ""),
        ("sequence begins at 0", "static_cast<std::uint32_t>(ticket + 1)", "static_cast<std::uint32_t>(ticket)"),
        ("largest event refused", "if (payload_bytes > memory_", "if (payload_bytes >= memory_"),
        ("header not counted in the limit", "memory_.event_capacity() - sizeof(AEGIS_EVENT_HEADER)) {",
         "memory_.event_capacity()) {"),
        ("oversize not counted", "count_lost(AEGIS_LOST_OVERSIZE);\n            return", "return"),
        ("oversize under another reason", "count_lost(AEGIS_LOST_OVERSIZE);", "count_lost(AEGIS_LOST_CLOSING);"),
        ("oversize uses a ticket", "count_lost(AEGIS_LOST_OVERSIZE);", "count_lost(AEGIS_LOST_OVERSIZE), ++next_;"),
        ("lost count one behind",
         "lost_before_[reason] += events;\n        memory_.store_lost_before(reason, lost_before_[reason]);",
         "memory_.store_lost_before(reason, lost_before_[reason]);\n        lost_before_[reason] += events;"),
        ("several lost events count once", "lost_before_[reason] += events;", "++lost_before_[reason];"),
        ("wakeups replaced, not added", "wakeups_sent_ += rung;", "wakeups_sent_ = rung;"),
        ("size without the header", "words[0].store(size |", "words[0].store(payload_bytes |"),
        ("closing not said", "memory_.store_state(AEGIS_RING_CLOSING);", "memory_.store_state(AEGIS_RING_RUNNING);"),
    ),
    # Losses. -----------------------------------------------------------------------------------------------------
    *_mutants(
        "slot_read.hpp", ("ring/resync",),
        ("no headroom after a lap", "oldest_intact + count / 4", "oldest_intact"),
        ("resume one too early", "head - count + 1", "head - count"),
        ("resume one too late", "head - count + 1", "head - count + 2"),
        ("resume in place", "count / 4, cursor + 1)", "count / 4, cursor)"),
        ("resume by the version alone", _HEAD, "being_written"),
        ("resume by the shared count alone", _HEAD, "memory.load_published()"),
        ("ticket of a version off by one", "(version - 1) / 2", "version / 2"),
        ("wraps below the first ticket", "head >= count ? head - count + 1 : 0", "head - count + 1"),
    ),
    *_mutants(
        "slot_read.hpp", ("ring/consumer",),
        ("oldest ticket one late", "published - memory.slot_count() : 0", "published - memory.slot_count() + 1 : 0"),
        ("attached at the edge", "return oldest == 0 ? 0 : oldest + memory.slot_count() / 4;", "return oldest;"),
        ("headroom in a ring that did not go round", "return oldest == 0 ? 0 : oldest + memory.slot_count() / 4;",
         "return oldest + memory.slot_count() / 4;"),
        ("half the headroom", "oldest + memory.slot_count() / 4;", "oldest + memory.slot_count() / 8;"),
    ),
    *_mutants(
        "consumer.hpp", ("ring/consumer", "ring/resync"),
        ("cursor stays", "++cursor_;", ""),
        ("delivery not counted", "++delivered_;", ""),
        ("loss not counted", "lost_ += loss_.count;", ""),
        ("loss off by one", "loss_ = {cursor_, resume - cursor_};", "loss_ = {cursor_, resume - cursor_ - 1};"),
        ("cursor stays after a loss", "cursor_ = resume;", ""),
        ("lag wraps", "published > cursor_ ? published - cursor_ : 0", "published - cursor_"),
    ),
    # The group. --------------------------------------------------------------------------------------------------
    *_mutants(
        "consumer_group.hpp", ("explorer/group", "ring/group"),
        ("claim by store", _CLAIM, "cursor_.store(to, std::memory_order_relaxed);\n        return from != to;"),
        ("claim by exchange", _CLAIM, "return cursor_.exchange(to, std::memory_order_relaxed) != to;"),
        ("claim of an event not checked", "if (group_->claim(cursor, cursor + 1)) {",
         "if (group_->claim(cursor, cursor + 1) || true) {"),
        ("claim of a loss not checked", "if (group_->claim(cursor, resume)) {",
         "if (group_->claim(cursor, resume) || true) {"),
        ("claim of two events", "group_->claim(cursor, cursor + 1)", "group_->claim(cursor, cursor + 2)"),
        ("no claim", "if (group_->claim(cursor, cursor + 1)) {", "if (true) {"),
        ("event lost with a failed claim", "                continue;\n", "                return ReadStatus::kEmpty;\n"),
        ("group loss off by one", "loss_ = {cursor, resume - cursor};", "loss_ = {cursor, resume - cursor - 1};"),
        ("group loss not counted", "lost_ += loss_.count;", ""),
        ("group lag wraps", "published > next ? published - next : 0", "published - next"),
    ),
    # The doorbell. -----------------------------------------------------------------------------------------------
    *_mutants(
        "doorbell.hpp", ("explorer/doorbell",),
        ("no fence in arm", _ARM_FENCE, ""),
        ("fence in arm acquires and releases", _ARM_FENCE, _ACQ_REL_FENCE),
        ("fence in arm before the store", f"{_ARM_STORE}\n        {_ARM_FENCE}",
         f"{_FULL_FENCE}\n        {_ARM_STORE}"),
        ("no fence in ring", _RING_FENCE, ""),
        ("fence in ring acquires and releases", _RING_FENCE, _ACQ_REL_FENCE),
        ("looks at its bell relaxed", "wake_at_->load(std::memory_order_acquire)",
         "wake_at_->load(std::memory_order_relaxed)"),
        weak_only=True,
    ),
    *_mutants(
        "doorbell.hpp", ("explorer/doorbell", "ring/doorbell", "ring/doorbell_interleaving"),
        ("no look after arming", "memory.load_version(last) >= version_when_complete(last) || ", ""),
        ("looks at the first event of the batch", "const Ticket last = cursor + batch - 1;",
         "const Ticket last = cursor;"),
        ("looks beyond the batch", "const Ticket last = cursor + batch - 1;", "const Ticket last = cursor + batch;"),
        ("takes only the exact version", "load_version(last) >= version", "load_version(last) == version"),
        ("wakes one event late", _ARM_STORE, _ARM_STORE.replace("batch,", "batch + 1,")),
        ("wakes one event early", _ARM_STORE, _ARM_STORE.replace("batch,", "batch - 1,")),
        ("every wait goes on armed", "return !rung || arm(memory, cursor, batch);", "return true;"),
        ("every wait arms again", "return !rung || arm(memory, cursor, batch);", "return arm(memory, cursor, batch);"),
        ("every signal ends the wait", "return !rung || arm(memory, cursor, batch);", "return false;"),
        ("a wait goes on though all is there", "if (ready(memory, cursor, batch)) {\n            return false;",
         "if (false) {\n            return false;"),
        ("stays armed when it need not sleep", "disarm();\n            return false;", "return false;"),
        ("disarming arms for everything", "wake_at_->store(AEGIS_WAKE_NEVER,", "wake_at_->store(0,"),
        ("sleeps through closing", " || memory.load_state() == AEGIS_RING_CLOSING", ""),
        ("closing rings nobody", "return ring(AEGIS_WAKE_NEVER, signal);", "return ring(0, signal);"),
        ("bell by store", f"{_EXCHANGE} != AEGIS_WAKE_NEVER;",
         "(wake_at.store(AEGIS_WAKE_NEVER, std::memory_order_relaxed), true);"),
        ("bell not taken", f"{_EXCHANGE} != AEGIS_WAKE_NEVER;",
         "wake_at.load(std::memory_order_relaxed) != AEGIS_WAKE_NEVER;"),
        ("rings whoever disarmed", f"{_EXCHANGE} != AEGIS_WAKE_NEVER;", f"({_EXCHANGE}, true);"),
        ("rings one event late", "published >= wake_at.load", "published > wake_at.load"),
        ("rings one event early", "published >= wake_at.load", "published + 1 >= wake_at.load"),
        ("rings whoever is armed", "published >= wake_at.load(std::memory_order_relaxed) &&\n               ", ""),
        ("rings one bell only", "++rung;", "return rung + 1;"),
        ("does not count bells", "++rung;", ""),
        ("removes the last bell instead", "bells_[i] = bells_[--count_];", "--count_;"),
        ("removes nothing", "bells_[i] = bells_[--count_];", "bells_[i] = bells_[count_ - 1];"),
        ("one bell too many", "if (count_ == kCapacity) {", "if (count_ > kCapacity) {"),
        ("no room for the last bell", "if (count_ == kCapacity) {", "if (count_ + 1 >= kCapacity) {"),
        ("fence without bells", "if (count_ == 0) {", "if (false) {"),
        ("cursor not reported", "{ cursor_->store(cursor, std::memory_order_relaxed); }", "{ static_cast<void>(cursor); }"),
    ),
    # The region. -------------------------------------------------------------------------------------------------
    *_mutants(
        "region.hpp", ("ring/region",),
        ("magic not checked", "identity.Magic != AEGIS_RING_MAGIC", "false"),
        ("version not checked", "identity.AbiMajor != AEGIS_RING_ABI_MAJOR", "false"),
        ("any slot count", "(value & (value - 1)) == 0", "true"),
        ("region larger than the mapping", "identity.RegionBytes > bytes || ", ""),
        ("slots beyond the region", " || needed > identity.RegionBytes", ""),
        ("session compared in part", "i < sizeof(a.SessionId)", "i < sizeof(a.SessionId) - 1"),
        ("a slot alone is a ring", "identity.SlotCount < 2", "identity.SlotCount < 1"),
    ),
]
