/*
 * The doorbell on a machine with x86 store buffers: a store waits in its processor's first-in first-out buffer, loads
 * of the same processor see it there, others only once it has drained. A full fence and a locked exchange wait for
 * the buffer to be empty.
 *
 * An independent check of doorbell.hpp's protocol: written from the protocol, not from the code.
 * What must not happen: the consumer sleeps while its condition holds (an invalid end state), a signal to a consumer
 * that is not armed, more than one signal per batch. A batch begins where the consumer arms: one that arms again with
 * less than a batch read gets that many signals more. Its wait was short because it gave up, or because a bell of its
 * last arming rang while its disarming was still in the buffer.
 *
 * -DEVENTS=n -DBATCH=n     what the producer publishes, what the consumer waits for
 * -DEARLY_ENDS=n           waits that may end without a signal
 * -DNO_ARM_FENCE, -DNO_RING_FENCE, -DNO_LOOK_AFTER_ARM, -DSPLIT_EXCHANGE   wrong on purpose
 */
#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef EARLY_ENDS
#define EARLY_ENDS 1
#endif

#define NEVER  255
#define BUFFER 3 /* stores a processor can hold back */

/* Memory. One version per ticket: slots are lapping.pml's business. */
bit complete[EVENTS];
byte wake_at = NEVER;

/* The producer stores only to complete[], the consumer only to wake_at. */
chan producer_buffer = [BUFFER] of { byte };
chan consumer_buffer = [BUFFER] of { byte };

bit event;
bit producer_done;
byte published; /* for the assertions, not part of the protocol */
byte signals;
byte early_ends;
byte short_waits;

active proctype drain() {
    byte item;
end:
    do
    :: atomic { producer_buffer ? item -> complete[item] = 1; item = 0 }
    :: atomic { consumer_buffer ? item -> wake_at = item; item = 0 }
    od
}

active proctype producer() {
    byte ticket = 0;
    byte armed_for;

    do
    :: ticket < EVENTS ->
        atomic { producer_buffer ! ticket; published = ticket + 1 }
#ifndef NO_RING_FENCE
        empty(producer_buffer);
#endif
        armed_for = wake_at;
        if
        :: ticket + 1 >= armed_for ->
#ifdef SPLIT_EXCHANGE
            empty(producer_buffer);
            armed_for = wake_at;
            wake_at = NEVER;
#else
            atomic { empty(producer_buffer) -> armed_for = wake_at; wake_at = NEVER }
#endif
            if
            :: armed_for != NEVER ->
                atomic {
                    signals++;
                    assert(signals <= published / BATCH + short_waits);
                    event = 1
                }
            :: else
            fi
        :: else
        fi;
        armed_for = 0;
        ticket++
    :: else -> break
    od;
    producer_done = 1
}

active proctype consumer() {
    byte cursor = 0;
    byte batch_end = 0;
    bit seen;

    do
    :: cursor == EVENTS -> break
    :: cursor < EVENTS && complete[cursor] -> cursor++
    :: cursor < EVENTS && !complete[cursor] ->
        atomic {
            if
            :: cursor < batch_end -> short_waits++
            :: else
            fi;
            batch_end = cursor + BATCH
        }
        consumer_buffer ! cursor + BATCH;
#ifndef NO_ARM_FENCE
        empty(consumer_buffer);
#endif
#ifdef NO_LOOK_AFTER_ARM
        seen = 0;
#else
        if
        :: cursor + BATCH <= EVENTS -> seen = complete[cursor + BATCH - 1]
        :: else -> seen = 0
        fi;
#endif
        if
        :: seen
        :: !seen ->
            if
            :: atomic { event -> event = 0 }
            :: atomic { early_ends < EARLY_ENDS -> early_ends++ }
            /* Fewer than a batch will come: only a timeout ends this wait. */
            :: producer_done && cursor + BATCH > EVENTS -> break
            fi
        fi;
        seen = 0;
        consumer_buffer ! NEVER
    od
}
