// The ring between two processes, without a driver: this one publishes, its child maps the same memory read-only and
// reads. Prints each loss, and what was delivered and lost: together all that was published.
#include <err.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "aegis/ring/consumer.hpp"
#include "aegis/ring/producer.hpp"
#include "aegis/ring/region.hpp"

namespace ring = aegis::ring;

constexpr std::uint32_t kCells = 1000;  // an event this small takes one
constexpr std::uint64_t kBytes = ring::region_bytes(kCells);

static void require(bool fine, const char* otherwise) {
    if (!fine) {
        errx(1, "%s", otherwise);
    }
}

static void* map(int file, int access) {
    void* memory = mmap(nullptr, kBytes, access, MAP_SHARED, file, 0);
    require(memory != MAP_FAILED, "cannot map the ring");
    return memory;
}

static int read_to_the_end(int file, pid_t writer) {
    const auto region = ring::open_region(map(file, PROT_READ), kBytes);
    require(region.error == ring::RegionError::kNone, ring::describe(region.error));
    ring::Consumer<> consumer(region.memory, {});
    ring::EventBuffer event;
    for (bool fine = true;;) {
        // Asked before the read: who sees "closing" finds every event published before. A dead writer says nothing.
        const bool last = region.memory.load_state() == AEGIS_RING_CLOSING || getppid() != writer;
        const ring::ReadStatus status = consumer.read(event);
        if (status == ring::ReadStatus::kEvent) {
            fine &= *static_cast<const std::uint64_t*>(event.payload()) == event.ticket();
        } else if (status == ring::ReadStatus::kLapped) {
            const std::uintmax_t count = consumer.last_loss().count, first = consumer.last_loss().first;
            std::printf("LOST %ju events from #%ju on\n", count, first);
        } else if (!last) {
            ring::pause_after_empty_poll();  // DoorbellListener sleeps instead
        } else {
            const std::uintmax_t delivered = consumer.delivered(), lost = consumer.lost();
            std::printf("delivered=%ju lost=%ju\n", delivered, lost);
            return fine && delivered + lost == region.memory.load_published() ? 0 : 1;
        }
    }
}

int main() {
    const int file = memfd_create("numbers", MFD_CLOEXEC);
    require(file != -1 && ftruncate(file, kBytes) == 0, "no shared memory");
    std::uint8_t session[16];
    require(getrandom(session, sizeof(session), 0) == sizeof(session), "no random bytes");
    ring::Producer<> producer(ring::format_region(map(file, PROT_READ | PROT_WRITE), kCells, session));
    const pid_t writer = getpid();
    pid_t reader = -1;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        producer.publish(1, 0, &i, sizeof(i));  // type and time are the caller's
        if (i == 2 * kCells) {                  // the ring has gone round: the reader's first loss
            reader = fork();
            require(reader != -1, "no reader");
            if (reader == 0) {
                return read_to_the_end(file, writer);
            }
        } else if (i % 500 == 0) {
            usleep(100);
        }
    }
    producer.close();
    int status = 1;
    return waitpid(reader, &status, 0) == reader && status == 0 ? 0 : 1;
}
