// Sequences of file operations and control requests by several hostile processes: arbitrary codes, lengths, contents
// and orders, some of them at the same time.
//
// Findings: a crash, a sanitizer's report, a STOP of the verifier, a reply with bytes nobody wrote, any effect on the
// bystander.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "driver/support/policy_builder.hpp"
#include "fuzz/byte_source.hpp"
#include "fuzz/driver_fuzz.hpp"

namespace aegis::test {
namespace {

constexpr std::size_t kClients = 4;
constexpr std::size_t kMaxHandles = 24;
constexpr std::size_t kMaxSteps = 64;
constexpr std::byte kUntouched{0x5A};

struct Hostile {
    std::unique_ptr<Client> client;
    std::vector<host::ProcessHandle> handles;  // of files and events, open or not
};

class Session {
  public:
    explicit Session(ByteSource& input) : input_(input) {
        require(NT_SUCCESS(host_.load_small()), "the driver does not load");
        bystander_ = std::make_unique<Bystander>(host_);
        for (Hostile& hostile : hostiles_) {
            hostile.client = std::make_unique<Client>(host_);
        }
    }

    ~Session() {
        bystander_->check();
        for (Hostile& hostile : hostiles_) {
            hostile.client.reset();
        }
        bystander_->check();
        bystander_.reset();
        host_.unload();
        require(!host_->driver_loaded(), "the driver does not unload");
    }

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void run() {
        for (std::size_t i = 0; i < kMaxSteps && !input_.empty(); ++i) {
            step();
        }
    }

  private:
    struct Request {
        Client* client;
        host::ProcessHandle handle;
        ULONG code;
        std::vector<std::byte> input;
        std::size_t output_bytes;
    };

    void step() {
        Hostile& hostile = hostiles_[input_.below(kClients)];
        Client& client = *hostile.client;
        switch (input_.below(13)) {
            case 0:
                open(hostile);
                break;
            case 1:
                host_->close(client.process(), handle_of(hostile));
                break;
            case 2:
                keep(hostile,
                     client.create_event(input_.below(2) == 0 ? NotificationEvent : SynchronizationEvent).handle);
                break;
            case 3:
                duplicate(hostile);
                break;
            case 4:
                host_->request(client.process(), handle_of(hostile), input_.take<std::uint8_t>());
                break;
            case 5:
                replace(hostile);
                break;
            case 6:
                publish();
                break;
            case 7:
                scribble(client);
                break;
            case 8:
                send(raw_request(hostile));
                break;
            case 9:
                open_another(hostile);
                break;
            case 10:
                at_the_same_time(likely_request(hostile), likely_request(hostiles_[input_.below(kClients)]));
                break;
            default:
                send(likely_request(hostile));
        }
    }

    void open(Hostile& hostile) {
        static constexpr std::array<ACCESS_MASK, 6> kAccess{kReadWrite,   FILE_READ_DATA,  FILE_WRITE_DATA,
                                                            GENERIC_READ, MAXIMUM_ALLOWED, SYNCHRONIZE};
        static constexpr std::array<std::u16string_view, 4> kPaths{u"\\??\\AegisMon", u"\\Device\\AegisMon",
                                                                   u"\\??\\AegisMon\\below", u"\\??\\Other"};
        const std::size_t choice = input_.below(kAccess.size() + 1);
        const ACCESS_MASK access = choice < kAccess.size() ? kAccess[choice] : input_.take<std::uint32_t>();
        const std::size_t path = input_.below(16);
        keep(hostile, host_->open(hostile.client->process(), kPaths[path < kPaths.size() ? path : 0], access).handle);
    }

    // Whoever it is, protected or not.
    void open_another(Hostile& hostile) {
        Client& target = *hostiles_[input_.below(kClients)].client;
        const auto access = input_.take<std::uint32_t>();
        const host::HandleResult opened = hostile.client->open_process(target.pid(), access);
        keep(hostile, opened.handle);
        bystander_->read();
    }

    void keep(Hostile& hostile, host::ProcessHandle handle) const {
        if (handle != 0 && hostile.handles.size() < kMaxHandles) {
            hostile.handles.push_back(handle);
        }
    }

    // Mostly one that was valid once.
    host::ProcessHandle handle_of(const Hostile& hostile) {
        const std::size_t choice = input_.below(hostile.handles.size() + 2);
        if (choice < hostile.handles.size()) {
            return hostile.handles[choice];
        }
        return choice == hostile.handles.size() ? input_.take<std::uint64_t>() : 0;
    }

    void duplicate(Hostile& from) {
        Hostile& to = hostiles_[input_.below(kClients)];
        const host::ProcessHandle handle = handle_of(from);
        const auto access =
            input_.below(2) == 0 ? std::nullopt : std::optional<ACCESS_MASK>(input_.take<std::uint32_t>());
        keep(to, host_->duplicate_handle(from.client->process(), handle, to.client->process(), access).handle);
    }

    // The process dies; another takes its place.
    void replace(Hostile& hostile) {
        hostile.client = std::make_unique<Client>(host_);
        hostile.handles.clear();
    }

    void publish() {
        const std::uint32_t pid = kFirstFreePid + input_.take<std::uint16_t>();
        const std::u16string path(input_.take<std::uint16_t>() % 1024, u'p');
        Activity activity(host_);
        activity.create(pid, path);
        activity.exit(pid);
        bystander_->read();
    }

    // Writes into a mapping the driver gave it, if there is a writable one.
    void scribble(const Client& client) {
        const std::size_t offset = input_.take<std::uint16_t>() % (AEGIS_CONSUMER_PAGE_BYTES / 8) * 8;
        const std::uint64_t value = input_.take<std::uint64_t>();
        for (const host::UserMapping& mapping : client.mappings()) {
            if (mapping.writable) {
                reinterpret_cast<std::atomic<std::uint64_t>*>(mapping.address + offset)
                    ->store(value, std::memory_order_relaxed);
            }
        }
    }

    // A request as the contract has it, with a few bytes changed.
    Request likely_request(Hostile& hostile) {
        Request request{hostile.client.get(), handle_of(hostile), 0, {}, 0};
        switch (input_.below(7)) {
            case 0:
                request.code = AEGIS_IOCTL_GET_EVENTS;
                request.output_bytes = AEGIS_MAX_EVENT_SIZE * (1 + input_.below(8));
                break;
            case 1: {
                auto setup = make_request<AEGIS_RING_SETUP_REQUEST>();
                setup.EventHandle = handle_of(hostile);
                assign(request, AEGIS_IOCTL_RING_SETUP, setup, sizeof(AEGIS_RING_SETUP_REPLY));
                break;
            }
            case 2:
                assign(request, AEGIS_IOCTL_RING_TEARDOWN, make_request<AEGIS_RING_TEARDOWN_REQUEST>(), 0);
                break;
            case 3:
                set_policy(request);
                break;
            case 4:
                assign(request, AEGIS_IOCTL_GET_POLICY, make_request<AEGIS_GET_POLICY_REQUEST>(),
                       sizeof(AEGIS_GET_POLICY_REPLY));
                break;
            case 5:
                assign(request, AEGIS_IOCTL_PROTECT, make_request<AEGIS_PROTECT_REQUEST>(), 0);
                break;
            default:
                assign(request, AEGIS_IOCTL_QUERY, make_request<AEGIS_QUERY_REQUEST>(), sizeof(AEGIS_QUERY_REPLY));
        }
        for (std::size_t changes = input_.below(8); changes > 5; --changes) {
            const std::size_t at = input_.below(64);
            const auto value = static_cast<std::byte>(input_.take<std::uint8_t>());
            if (at < request.input.size()) {
                request.input[at] = value;
            } else if (at == 63) {
                request.output_bytes = input_.take<std::uint16_t>();
            } else if (at > 48) {
                request.input.resize(at - 48, value);
            }
        }
        return request;
    }

    // Refuses and drops what publish() makes happen; fuzz_policy.cpp has the blobs that are wrong.
    void set_policy(Request& request) {
        PolicyBuilder builder;
        builder.path(u"\\p", input_.below(2) == 0 ? AEGIS_POLICY_REFUSE : AEGIS_POLICY_DROP);
        builder.type(AEGIS_EVENT_PROCESS_EXIT, {AEGIS_POLICY_OPERATION_ANY, 1, 1, 0, AEGIS_POLICY_REPORT, {}});
        const std::vector<std::byte> blob = builder.blob();
        request.code = AEGIS_IOCTL_SET_POLICY;
        request.input = set_policy_request(blob);
        request.output_bytes = sizeof(AEGIS_SET_POLICY_REPLY);
    }

    template <class T>
    static void assign(Request& request, ULONG code, const T& contents, std::size_t reply_bytes) {
        request.code = code;
        const auto bytes = bytes_of(contents);
        request.input.assign(bytes.begin(), bytes.end());
        request.output_bytes = reply_bytes;
    }

    Request raw_request(Hostile& hostile) {
        Request request{hostile.client.get(), handle_of(hostile), 0, {}, 0};
        // Near the driver's codes, or anything.
        request.code =
            input_.below(2) == 0 ? AEGIS_IOCTL_GET_EVENTS ^ input_.take<std::uint16_t>() : input_.take<std::uint32_t>();
        const auto bytes = std::as_bytes(input_.take_bytes(input_.take<std::uint8_t>()));
        request.input.assign(bytes.begin(), bytes.end());
        request.output_bytes = input_.take<std::uint16_t>();
        return request;
    }

    void send(const Request& request) {
        std::vector<std::byte> output(request.output_bytes, kUntouched);
        const host::IoResult io =
            host_->device_control(request.client->process(), request.handle, request.code, request.input, output);
        require(io.information <= output.size(), "more was returned than fits");
        require(NT_SUCCESS(io.status) || io.information == 0, "a failed request returned something");
        for (std::size_t i = io.information; i < output.size(); ++i) {
            require(output[i] == kUntouched, "a byte behind the reply was written");
        }
        check_no_poison(std::span(output).first(io.information));
    }

    // The executive fills what the client did not with poison: it must not come back.
    static void check_no_poison(std::span<const std::byte> reply) {
        std::size_t run = 0;
        for (const std::byte byte : reply) {
            run = byte == std::byte{host::kSystemBufferPoison} ? run + 1 : 0;
            require(run < 8, "a reply holds bytes that nobody wrote");
        }
    }

    void at_the_same_time(const Request& left, const Request& right) {
        std::thread other([&] { send(left); });
        send(right);
        other.join();
    }

    ByteSource& input_;
    TestHost host_;
    std::unique_ptr<Bystander> bystander_;
    std::array<Hostile, kClients> hostiles_;
};

}  // namespace
}  // namespace aegis::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    aegis::test::ByteSource input(data, bytes);
    aegis::test::Session session(input);
    session.run();
    return 0;
}
