/*
 * The doorbell on a machine with x86 store buffers: a store waits in its processor's first-in first-out buffer, loads
 * of the same processor see it there, others only once it has drained. A full fence and a locked exchange wait for
 * the buffer to be empty.
 *
 * An independent check of doorbell.hpp's protocol: written from the protocol, not from the code.
 * What must not happen: the consumer sleeps while its condition holds (an invalid end state), a signal to a consumer
 * that is not armed, more than one signal per batch. A batch begins where the consumer arms: one that gives up waiting
 * and arms again with less than a batch read gets that many signals more. A bell of the last arming that rings while
 * its disarming is still in the buffer meets the next wait, which goes on, armed again where that bell took the new
 * arming.
 *
 * -DEVENTS=n -DBATCH=n     what the producer publishes, what the consumer waits for
 * -DEARLY_ENDS=n           waits that may end without a signal
 * -DNO_ARM_FENCE, -DNO_RING_FENCE, -DNO_LOOK_AFTER_ARM, -DNO_LOOK_AFTER_WAIT, -DNO_ARMING_AGAIN, -DSPLIT_EXCHANGE
 *                          wrong on purpose
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

/* Memory. One version per ticket: cells are cells.pml's business. */
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
                    assert(signals <= published / BATCH + early_ends);
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

/* Is the batch there? */
#define LOOK                                                            \
    if                                                                  \
    :: cursor + BATCH <= EVENTS -> seen = complete[cursor + BATCH - 1]  \
    :: else -> seen = 0                                                 \
    fi

active proctype consumer() {
    byte cursor = 0;
    bit seen;
    bit rung;

    do
    :: cursor == EVENTS -> break
    :: cursor < EVENTS && complete[cursor] -> cursor++
    :: cursor < EVENTS && !complete[cursor] ->
arm:
        consumer_buffer ! cursor + BATCH;
#ifndef NO_ARM_FENCE
        empty(consumer_buffer);
#endif
#ifdef NO_LOOK_AFTER_ARM
        seen = 0;
#else
        LOOK;
#endif
        do
        :: seen -> break
        :: !seen ->
            if
            :: atomic { event -> event = 0 };
#ifdef NO_LOOK_AFTER_WAIT
                break
#else
                rung = (len(consumer_buffer) == 0 && wake_at == NEVER);
                LOOK;
#ifndef NO_ARMING_AGAIN
                if
                :: !seen && rung -> goto arm
                :: else
                fi
#endif
#endif
            :: atomic { early_ends < EARLY_ENDS -> early_ends++ }; break
            /* Fewer than a batch will come: only a timeout ends this wait. */
            :: producer_done && cursor + BATCH > EVENTS -> goto done
            fi
        od;
        seen = 0;
        rung = 0;
        consumer_buffer ! NEVER
    od;
done:
    skip
}
