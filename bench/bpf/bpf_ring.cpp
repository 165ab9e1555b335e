#include "bpf/bpf_ring.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bpf/publish.h"
#include "channels/channel.hpp"

extern "C" const unsigned char aegis_bench_bpf_object[];
extern "C" const unsigned char aegis_bench_bpf_object_end[];

namespace aegis::bench {
namespace {

static_assert(AEGIS_BENCH_PATTERNS == kPatterns);

constexpr std::size_t kProgressBytes = 4096;  // its .bss, a page

// As the program declares them, in order: its .rodata.
struct Constants {
    __u32 event_bytes;
    __u64 first_word;
};

std::size_t ring_bytes(std::size_t event_bytes) {
    std::size_t bytes = 4096;
    while (bytes < kDefaultSlots * event_bytes) {
        bytes *= 2;
    }
    return bytes;
}

std::string failed(const char* what) {
    return std::string(what) + ": " + std::strerror(errno);
}

}  // namespace

struct BpfRing::Parts {
    bpf_object* object = nullptr;
    bpf_link* link = nullptr;
    ring_buffer* reader = nullptr;
    const volatile aegis_bench_progress* progress = nullptr;  // written by the program

    OnEvent on_event = nullptr;
    void* context = nullptr;
    std::size_t received = 0;

    ~Parts() {
        if (progress != nullptr) {
            munmap(const_cast<aegis_bench_progress*>(progress), kProgressBytes);
        }
        ring_buffer__free(reader);
        bpf_link__destroy(link);
        bpf_object__close(object);
    }

    static int on_sample(void* opaque, void* data, size_t bytes) {
        auto* parts = static_cast<Parts*>(opaque);
        parts->on_event(parts->context, data, bytes);
        // A negative answer ends the call; the event counts as read all the same.
        return ++parts->received == kReceiveBatch ? -ECANCELED : 0;
    }

    bool set_up(std::size_t event_bytes, std::string* why);
    bool fill_patterns(std::size_t event_bytes);
};

bool BpfRing::Parts::fill_patterns(std::size_t event_bytes) {
    const int map = bpf_object__find_map_fd_by_name(object, "patterns");
    for (__u32 pattern = 0; pattern < kPatterns; ++pattern) {
        __u64 words[AEGIS_BENCH_MAX_WORDS] = {};
        for (std::size_t word = kHeaderWords; word < event_bytes / sizeof(__u64); ++word) {
            words[word] = pattern_word(pattern, word);
        }
        if (bpf_map_update_elem(map, &pattern, words, BPF_ANY) != 0) {
            return false;
        }
    }
    return true;
}

bool BpfRing::Parts::set_up(std::size_t event_bytes, std::string* why) {
    const auto object_bytes = static_cast<std::size_t>(aegis_bench_bpf_object_end - aegis_bench_bpf_object);
    object = bpf_object__open_mem(aegis_bench_bpf_object, object_bytes, nullptr);
    if (object == nullptr) {
        *why = failed("cannot read the BPF program");
        return false;
    }
    bpf_map* events = bpf_object__find_map_by_name(object, "events");
    bpf_map__set_max_entries(events, static_cast<__u32>(ring_bytes(event_bytes)));

    const Constants constants = {static_cast<__u32>(event_bytes), event_bytes | std::uint64_t{kMessageType} << 16U};
    bpf_map* constants_map = bpf_object__find_map_by_name(object, ".rodata");
    if (bpf_map__set_initial_value(constants_map, &constants, sizeof(constants)) != 0) {
        *why = "the BPF program has other constants than expected";
        return false;
    }

    bpf_program* program = bpf_object__find_program_by_name(object, "publish");
    if (bpf_object__load(object) != 0) {
        *why = failed("the kernel refuses the BPF program");
        return false;
    }
    if (!fill_patterns(event_bytes)) {
        *why = failed("cannot fill the BPF program's map");
        return false;
    }
    link = bpf_program__attach(program);
    if (link == nullptr) {
        *why = failed("the kernel has no system call tracepoint for it");
        return false;
    }
    reader = ring_buffer__new(bpf_map__fd(events), on_sample, this, nullptr);
    void* page = mmap(nullptr, kProgressBytes, PROT_READ, MAP_SHARED,
                      bpf_map__fd(bpf_object__find_map_by_name(object, ".bss")), 0);
    if (reader == nullptr || page == MAP_FAILED) {
        *why = failed("cannot map the BPF ring buffer");
        return false;
    }
    progress = static_cast<const volatile aegis_bench_progress*>(page);
    return true;
}

BpfRing::BpfRing(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
BpfRing::~BpfRing() = default;

std::unique_ptr<BpfRing> BpfRing::open(std::size_t event_bytes, std::string* why) {
    libbpf_set_print(nullptr);  // the reason is told once, by the caller
    auto parts = std::make_unique<Parts>();
    if (!parts->set_up(event_bytes, why)) {
        return nullptr;
    }
    return std::unique_ptr<BpfRing>(new BpfRing(std::move(parts)));
}

std::uint64_t BpfRing::publish() {
    syscall(AEGIS_BENCH_SYSTEM_CALL);
    return parts_->progress->published;
}

std::size_t BpfRing::receive(OnEvent on_event, void* context) {
    parts_->on_event = on_event;
    parts_->context = context;
    parts_->received = 0;
    ring_buffer__consume(parts_->reader);
    return parts_->received;
}

}  // namespace aegis::bench
