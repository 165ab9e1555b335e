/*
 * One producer lapping one consumer in a ring of two slots, on a machine that reorders.
 *
 * Stores: on the weak machine each word has a store buffer of its own, so stores to different words drain in any
 * order; with -DX86 all words share one first-in first-out buffer. A release fence holds the producer until its
 * buffers are empty; since the producer loads nothing, that shows memory the same states as a fence it runs past.
 * Loads: on the weak machine the loads of one read happen in any order that its acquire and its fence leave open;
 * with -DX86 in program order.
 *
 * An independent check of producer.hpp and event_read.hpp: written from the protocol, not from the code.
 * What must not happen: a torn copy is accepted, delivered + lost is not the distance, a loss of what is still there.
 *
 * -DEVENTS=n
 * -DNO_ODD_MARK, -DNO_RELEASE_FENCE, -DNO_RELEASE_MARK, -DNO_ACQUIRE_LOOK, -DNO_ACQUIRE_FENCE, -DNO_SECOND_LOOK
 *                          wrong on purpose; on x86 not all of them show
 */
#ifndef EVENTS
#define EVENTS 5
#endif

#define SLOTS 2
#define WORDS 2

#define VERSION(slot)    (slot)
#define DATA(slot, word) (SLOTS + (slot) * WORDS + (word))
#define PUBLISHED        (SLOTS + SLOTS * WORDS)
#define CELLS            (PUBLISHED + 1)

byte memory[CELLS];

#ifdef X86
chan buffer = [4] of { byte, byte };
#define STORE(cell, value) buffer ! cell, value
#define DRAINED            empty(buffer)
#else
chan buffers[CELLS] = [2] of { byte };
#define STORE(cell, value) buffers[cell] ! value
#define DRAINED                                                                                                   \
    (empty(buffers[0]) && empty(buffers[1]) && empty(buffers[2]) && empty(buffers[3]) && empty(buffers[4]) &&     \
     empty(buffers[5]) && empty(buffers[6]))
#endif

byte begun; /* tickets begun, for the assertions */

active proctype drain() {
    byte cell;
    byte value;
end:
#ifdef X86
    do
    :: atomic { buffer ? cell, value -> memory[cell] = value; cell = 0; value = 0 }
    od
#else
    do
    :: atomic { buffers[0] ? value -> memory[0] = value; value = 0 }
    :: atomic { buffers[1] ? value -> memory[1] = value; value = 0 }
    :: atomic { buffers[2] ? value -> memory[2] = value; value = 0 }
    :: atomic { buffers[3] ? value -> memory[3] = value; value = 0 }
    :: atomic { buffers[4] ? value -> memory[4] = value; value = 0 }
    :: atomic { buffers[5] ? value -> memory[5] = value; value = 0 }
    :: atomic { buffers[6] ? value -> memory[6] = value; value = 0 }
    od
#endif
}

active proctype producer() {
    byte ticket = 0;

    do
    :: ticket < EVENTS ->
        begun = ticket + 1;
#ifndef NO_ODD_MARK
        STORE(VERSION(ticket % SLOTS), 2 * ticket + 1);
#endif
#ifndef NO_RELEASE_FENCE
        DRAINED;
#endif
        STORE(DATA(ticket % SLOTS, 0), ticket + 1);
        STORE(DATA(ticket % SLOTS, 1), ticket + 1);
#ifndef NO_RELEASE_MARK
        DRAINED;
#endif
        STORE(VERSION(ticket % SLOTS), 2 * ticket + 2);
        ticket++;
        STORE(PUBLISHED, ticket)
    :: else -> break
    od
}

/* Which loads of a read have happened. */
bit looked;
bit copied[WORDS];
bit looked_again;

#ifdef NO_ACQUIRE_LOOK
#define AFTER_LOOK true
#else
#define AFTER_LOOK looked
#endif
#ifdef NO_ACQUIRE_FENCE
#define AFTER_COPY true
#else
#define AFTER_COPY (copied[0] && copied[1])
#endif

active proctype consumer() {
    byte cursor = 0;
    byte delivered = 0;
    byte lost = 0;
    byte version;
    byte again;
    byte data[WORDS];
    byte head;
    byte resume;

    do
    :: cursor == EVENTS -> break
    :: cursor < EVENTS ->
#ifdef X86
        version = memory[VERSION(cursor % SLOTS)];
        data[0] = memory[DATA(cursor % SLOTS, 0)];
        data[1] = memory[DATA(cursor % SLOTS, 1)];
        again = memory[VERSION(cursor % SLOTS)];
#else
        do
        :: !looked -> atomic { version = memory[VERSION(cursor % SLOTS)]; looked = 1 }
        :: !copied[0] && AFTER_LOOK -> atomic { data[0] = memory[DATA(cursor % SLOTS, 0)]; copied[0] = 1 }
        :: !copied[1] && AFTER_LOOK -> atomic { data[1] = memory[DATA(cursor % SLOTS, 1)]; copied[1] = 1 }
        /* Two loads of one word keep their order on every machine. */
        :: looked && !looked_again && AFTER_COPY ->
            atomic { again = memory[VERSION(cursor % SLOTS)]; looked_again = 1 }
        :: looked && copied[0] && copied[1] && looked_again -> break
        od;
        atomic { looked = 0; copied[0] = 0; copied[1] = 0; looked_again = 0 }
#endif
#ifdef NO_SECOND_LOOK
        again = version;
#endif
        if
        :: version < 2 * cursor + 2
        :: version == 2 * cursor + 2 && again == version ->
            atomic {
                assert(data[0] == cursor + 1 && data[1] == cursor + 1);
                delivered++;
                cursor++
            }
        :: else ->
            if
            :: version == 2 * cursor + 2 -> version = again
            :: else
            fi;
            head = memory[PUBLISHED];
            atomic {
                if
                :: (version - 1) / 2 > head -> head = (version - 1) / 2
                :: else
                fi;
                if
                :: head + 1 > cursor + 1 + SLOTS -> resume = head + 1 - SLOTS
                :: else -> resume = cursor + 1
                fi;
                /* The last ticket given up was overwritten, or is about to be. */
                assert(resume - 1 + SLOTS <= begun);
                lost = lost + resume - cursor;
                cursor = resume
            }
        fi;
        atomic {
            assert(delivered + lost == cursor);
            version = 0;
            again = 0;
            data[0] = 0;
            data[1] = 0;
            head = 0;
            resume = 0
        }
    od
}
