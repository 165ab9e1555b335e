#include "support/fake_system.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "agent/client/open.hpp"

namespace aegis::test {
namespace {

using agent::InterruptStatus;
using agent::Timeout;
using agent::WriteStatus;
using client::IoResult;
using client::IoStatus;
using client::WaitStatus;

constexpr std::chrono::seconds kGenerous{30};
constexpr std::uint64_t kEventHandle = 7;

constexpr IoResult kGone = {IoStatus::kDriverGone, 0, 0xC00002B6};

template <class Predicate>
void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Timeout timeout, Predicate predicate) {
    if (timeout) {
        changed.wait_for(lock, *timeout, predicate);
    } else {
        changed.wait(lock, predicate);
    }
}

}  // namespace

class FakeSystem::FakeDevice final : public client::Device {
  public:
    explicit FakeDevice(FakeSystem& system) : system_(&system) {}

    IoResult control(std::uint32_t code, std::span<const std::byte> request, std::span<std::byte> reply,
                     std::chrono::nanoseconds /*limit*/) override {
        const std::scoped_lock lock(system_->mutex_);
        if (system_->driver_gone_) {
            return kGone;
        }
        if (system_->refused_ && system_->refused_->first == code) {
            return system_->refused_->second;
        }
        switch (code) {
            case AEGIS_IOCTL_QUERY:
                return system_->answer_query(reply);
            case AEGIS_IOCTL_RING_SETUP:
                return system_->answer_setup(request, reply);
            case AEGIS_IOCTL_GET_EVENTS:
                return system_->answer_pull(reply);
            default:
                return {IoStatus::kUnsupported, 0, 0xC0000010};
        }
    }

    std::uint64_t event_handle() const override { return kEventHandle; }

    WaitStatus wait(Timeout timeout) override {
        std::unique_lock lock(system_->mutex_);
        system_->asleep_ = true;
        system_->changed_.notify_all();
        test::wait(lock, system_->changed_, timeout,
                   [this] { return reason_to_end() != WaitStatus::kTimeout || system_->signalled_; });
        system_->asleep_ = false;
        const WaitStatus reason = reason_to_end();
        if (reason != WaitStatus::kTimeout) {
            return reason;
        }
        return std::exchange(system_->signalled_, false) ? WaitStatus::kSignalled : WaitStatus::kTimeout;
    }

    WaitStatus look() override {
        const std::scoped_lock lock(system_->mutex_);
        return reason_to_end();
    }

    void interrupt() override {
        const std::scoped_lock lock(system_->mutex_);
        system_->interrupted_ = true;
        system_->changed_.notify_all();
    }

    void resume() override {
        const std::scoped_lock lock(system_->mutex_);
        system_->interrupted_ = false;
    }

    bool driver_is_stopping() const override {
        const std::scoped_lock lock(system_->mutex_);
        return system_->driver_stopping_;
    }

    std::string describe(std::uint32_t code) const override { return "code " + std::to_string(code); }
    std::uint64_t stop_signal() const override { return 0; }
    std::uint32_t process_id() const override { return kProcessId; }

  private:
    // Caller holds system_->mutex_.
    WaitStatus reason_to_end() const {
        if (system_->interrupted_) {
            return WaitStatus::kInterrupted;
        }
        if (system_->driver_gone_) {
            return WaitStatus::kDriverGone;
        }
        return system_->driver_stopping_ ? WaitStatus::kStopping : WaitStatus::kTimeout;
    }

    FakeSystem* system_;
};

class FakeSystem::FakePort final : public agent::Port {
  public:
    explicit FakePort(FakeSystem& system) : system_(&system) {}

    std::optional<agent::Failure> open_driver(const agent::DeviceChoice& choice, aegis_options options,
                                              const agent::Patience& patience, agent::Log& /*log*/,
                                              agent::Client& client) override {
        options.device = choice.path.empty() ? nullptr : choice.path.c_str();
        options.open_ms = patience.open_ms();
        aegis_client* opened = nullptr;
        const std::int32_t result = system_->open_client(options, &opened);
        client.reset(opened);
        return result == AEGIS_OK ? std::nullopt : std::optional(agent::client_failure(result));
    }
    std::optional<agent::Failure> close_driver() override { return std::nullopt; }
    // wait_interrupt sees the driver's stop by itself.
    void interrupt_by(std::uint64_t /*signal*/) override {}

    agent::WriteResult write_output(std::string_view text) override {
        std::unique_lock lock(system_->mutex_);
        system_->writing_ = true;
        system_->changed_.notify_all();
        system_->changed_.wait(lock, [this] { return !system_->stalled_ || system_->abandoned_; });
        system_->writing_ = false;
        if (system_->abandoned_) {
            return {WriteStatus::kAbandoned, 0, {}};
        }
        // Never all at once: whoever writes must come back for the rest.
        std::size_t taken = text.size() - text.size() / 2;
        if (system_->output_result_) {
            if (system_->room_ == 0) {
                return *system_->output_result_;
            }
            taken = std::min(taken, system_->room_);
            system_->room_ -= taken;
        }
        system_->output_ += text.substr(0, taken);
        if (system_->stall_at_ && system_->output_.size() >= *system_->stall_at_) {
            system_->stalled_ = true;
            system_->stall_at_.reset();
        }
        system_->changed_.notify_all();
        return {WriteStatus::kWritten, taken, {}};
    }

    bool take_back_output(std::size_t bytes) override {
        const std::scoped_lock lock(system_->mutex_);
        if (system_->output_stays_ || bytes > system_->output_.size()) {
            return false;
        }
        system_->output_.resize(system_->output_.size() - bytes);
        return true;
    }

    void abandon_output() override {
        const std::scoped_lock lock(system_->mutex_);
        system_->abandoned_ = true;
        system_->changed_.notify_all();
    }

    void interrupt() override {
        const std::scoped_lock lock(system_->mutex_);
        system_->interrupted_ = true;
        system_->ending_ = true;
        system_->changed_.notify_all();
    }

    InterruptStatus wait_interrupt(Timeout timeout) override {
        std::unique_lock lock(system_->mutex_);
        const auto interrupted = [this] { return system_->interrupted_ || system_->driver_stopping_; };
        test::wait(lock, system_->changed_, timeout, interrupted);
        return interrupted() ? InterruptStatus::kInterrupted : InterruptStatus::kTimeout;
    }

    bool stop_requested() const override {
        const std::scoped_lock lock(system_->mutex_);
        return system_->stop_requested_;
    }

    std::int64_t system_time() const override { return kSomeTime + 20'000; }
    std::int32_t utc_offset(std::int64_t filetime) const override { return filetime < kSomeTime ? 3600 : 7200; }
    std::string host_name() const override { return "box"; }
    std::unique_ptr<agent::DosPaths> dos_paths() const override { return nullptr; }
    agent::UserName user_name(std::span<const std::byte>) const override { return {"anna", "BOX"}; }

  private:
    FakeSystem* system_;
};

FakeSystem::FakeSystem(std::uint32_t cell_count)
    : region_(cell_count), producer_(region_.memory()), port_(std::make_unique<FakePort>(*this)) {
    auto* page = reinterpret_cast<AEGIS_CONSUMER_PAGE*>(page_.data());
    page->WakeAt = AEGIS_WAKE_NEVER;
}

FakeSystem::~FakeSystem() = default;

agent::Port& FakeSystem::port() {
    return *port_;
}

std::int32_t FakeSystem::open_client(const aegis_options& options, aegis_client** client) {
    const auto open_device = [this](const client::DeviceChoice& /*choice*/, const client::OpenLimit& /*limit*/,
                                    std::unique_ptr<client::Device>& device) -> std::optional<client::Error> {
        device = std::make_unique<FakeDevice>(*this);
        return std::nullopt;
    };
    return client::open_client(&options, open_device, client);
}

void FakeSystem::publish(std::uint16_t type, const std::vector<std::byte>& payload, std::int64_t timestamp) {
    const std::scoped_lock lock(mutex_);
    producer_.publish(type, timestamp, payload.data(), payload.size());
    bell_.ring(producer_.published(), signal);
}

void FakeSystem::lose(unsigned reason, std::uint64_t events) {
    const std::scoped_lock lock(mutex_);
    producer_.count_lost(reason, events);
    bell_.ring_all(signal);
}

void FakeSystem::signal(FakeSystem* system) {
    system->signalled_ = true;
    ++system->signals_;
    system->changed_.notify_all();
}

void FakeSystem::publish_starts(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t pid = first; pid < first + count; ++pid) {
        std::u16string path = u"/bin/p";
        for (const char digit : std::to_string(pid)) {
            path += static_cast<char16_t>(digit);
        }
        publish_start({.pid = pid, .parent = 1, .creator = 1, .path = path});
    }
}

void FakeSystem::publish_with_size(std::uint16_t size) {
    const std::scoped_lock lock(mutex_);
    // As many cells as the size takes, so that the next event is found.
    std::vector<std::byte> payload = exit_payload(1);
    const std::size_t most = AEGIS_RING_EVENT_BYTES - sizeof(AEGIS_EVENT_HEADER);
    payload.resize(std::clamp<std::size_t>(size, payload.size(), most));
    producer_.publish(AEGIS_EVENT_PROCESS_EXIT, kSomeTime, payload.data(), payload.size());
    ring::RingMemory<> memory = region_.memory();
    auto* header = memory.data_words(memory.place_of(producer_.newest()));
    header->store((header->load() & ~std::uint64_t{0xFFFF}) | size);
}

void FakeSystem::close_ring() {
    const std::scoped_lock lock(mutex_);
    producer_.close();
}

void FakeSystem::kill_driver() {
    const std::scoped_lock lock(mutex_);
    driver_gone_ = true;
    changed_.notify_all();
}

void FakeSystem::stop_driver() {
    const std::scoped_lock lock(mutex_);
    driver_stopping_ = true;
    changed_.notify_all();
}

void FakeSystem::on_query(std::function<void(AEGIS_QUERY_REPLY&)> change) {
    const std::scoped_lock lock(mutex_);
    on_query_ = std::move(change);
}

void FakeSystem::on_query_bytes(std::function<void(std::vector<std::byte>&)> change) {
    const std::scoped_lock lock(mutex_);
    on_query_bytes_ = std::move(change);
}

void FakeSystem::on_setup(std::function<void(AEGIS_RING_SETUP_REPLY&)> change) {
    const std::scoped_lock lock(mutex_);
    on_setup_ = std::move(change);
}

void FakeSystem::refuse(std::uint32_t code, client::IoResult result) {
    const std::scoped_lock lock(mutex_);
    refused_.emplace(code, result);
}

IoResult FakeSystem::answer_query(std::span<std::byte> reply) {
    AEGIS_QUERY_REPLY answer = {};
    answer.Version = AEGIS_CONTROL_VERSION;
    answer.Bytes = sizeof(answer);
    const AEGIS_RING_IDENTITY& identity = region_.header()->Identity;
    std::memcpy(answer.SessionId, kSessionA, sizeof(answer.SessionId));
    answer.State = region_.header()->State;
    answer.CellCount = identity.CellCount;
    answer.Published = producer_.published();
    for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        answer.LostBefore[reason] = producer_.lost_before(reason);
    }
    const std::uint64_t published = producer_.published();
    answer.HeadBytes = AEGIS_QUERY_HEAD_BYTES;
    answer.CallbackRows = {offsetof(AEGIS_QUERY_REPLY, Callbacks), 1, sizeof(AEGIS_CALLBACK_HEALTH)};
    answer.ConsumerRows = {offsetof(AEGIS_QUERY_REPLY, Consumers), AEGIS_MAX_HANDLES, sizeof(AEGIS_CONSUMER_INFO)};
    answer.Callbacks[0] = {AEGIS_CALLBACK_PROCESS, 1, 0, 0, kSomeTime, published, published, 0, 0, 0, 0};
    if (pull_) {
        answer.Consumers[0] = {AEGIS_TRANSPORT_PULL, kProcessId, pull_->cursor(), pull_->lag(), pull_->lost(), 0};
    }
    if (on_query_) {
        on_query_(answer);
    }
    std::vector<std::byte> bytes(sizeof(answer));
    std::memcpy(bytes.data(), &answer, bytes.size());
    if (on_query_bytes_) {
        on_query_bytes_(bytes);
    }
    if (bytes.size() > reply.size()) {
        return {IoStatus::kFailed, 0, 0xC0000023};
    }
    std::ranges::copy(bytes, reply.begin());
    return {IoStatus::kOk, bytes.size(), 0};
}

IoResult FakeSystem::answer_setup(std::span<const std::byte> request, std::span<std::byte> reply) {
    AEGIS_RING_SETUP_REQUEST asked = {};
    std::memcpy(&asked, request.data(), std::min(sizeof(asked), request.size()));
    if (request.size() != sizeof(asked) || asked.EventHandle != kEventHandle) {
        return {IoStatus::kFailed, 0, 0xC0000008};
    }
    const AEGIS_RING_IDENTITY& identity = region_.header()->Identity;
    auto* page = reinterpret_cast<AEGIS_CONSUMER_PAGE*>(page_.data());
    AEGIS_RING_SETUP_REPLY answer = {};
    answer.Version = AEGIS_CONTROL_VERSION;
    answer.Bytes = sizeof(answer);
    answer.RingAddress = reinterpret_cast<std::uintptr_t>(region_.bytes().data());
    answer.RingBytes = region_.bytes().size();
    answer.ConsumerPageAddress = reinterpret_cast<std::uintptr_t>(page);
    answer.ConsumerPageBytes = page_.size();
    answer.HeaderBytes = AEGIS_RING_HEADER_BYTES;
    answer.CellBytes = AEGIS_CELL_BYTES;
    answer.CellCount = identity.CellCount;
    answer.AbiMajor = AEGIS_RING_ABI_MAJOR;
    answer.AbiMinor = AEGIS_RING_ABI_MINOR;
    std::memcpy(answer.SessionId, kSessionA, sizeof(answer.SessionId));
    if (on_setup_) {
        on_setup_(answer);
    }
    bell_.add(reinterpret_cast<std::atomic<std::uint64_t>*>(&page->WakeAt), this);
    std::memcpy(reply.data(), &answer, sizeof(answer));
    return {IoStatus::kOk, sizeof(answer), 0};
}

// As the driver answers: whole events in full form, from the oldest at the first call.
IoResult FakeSystem::answer_pull(std::span<std::byte> reply) {
    if (!pull_) {
        pull_.emplace(region_.memory(), ring::oldest_event(region_.memory(), ring::Headroom::kSome));
    }
    std::size_t written = 0;
    ring::EventBuffer event;
    while (reply.size() - written >= AEGIS_MAX_EVENT_SIZE) {
        const ring::ReadStatus status = pull_->read(event);
        if (status == ring::ReadStatus::kEmpty) {
            break;
        }
        if (status == ring::ReadStatus::kLapped) {
            continue;
        }
        std::byte* const to = reply.data() + written;
        std::memset(to, 0, AEGIS_PROCESS_EVENT_SIZE);
        std::memcpy(to, event.data(), event.size());
        if (event.header().Size == event.size()) {
            const std::uint16_t size = AEGIS_PROCESS_EVENT_SIZE;
            std::memcpy(to, &size, sizeof(size));
        }
        written += AEGIS_PROCESS_EVENT_SIZE;
    }
    return {IoStatus::kOk, written, 0};
}

void FakeSystem::request_stop() {
    const std::scoped_lock lock(mutex_);
    stop_requested_ = true;
    interrupted_ = true;
    changed_.notify_all();
}

void FakeSystem::break_output(agent::WriteResult result, std::size_t room) {
    const std::scoped_lock lock(mutex_);
    output_result_ = std::move(result);
    room_ = room;
}

void FakeSystem::keep_output() {
    const std::scoped_lock lock(mutex_);
    output_stays_ = true;
}

void FakeSystem::stall_output() {
    const std::scoped_lock lock(mutex_);
    stalled_ = true;
}

void FakeSystem::resume_output() {
    const std::scoped_lock lock(mutex_);
    stalled_ = false;
    changed_.notify_all();
}

void FakeSystem::stall_output_at(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    stall_at_ = bytes;
}

std::string FakeSystem::output() const {
    const std::scoped_lock lock(mutex_);
    return output_;
}

std::size_t FakeSystem::output_lines() const {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(std::count(output_.begin(), output_.end(), '\n'));
}

bool FakeSystem::wait_for(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGenerous, condition);
}

bool FakeSystem::wait_for_lines(std::size_t count) {
    return wait_for(
        [this, count] { return static_cast<std::size_t>(std::count(output_.begin(), output_.end(), '\n')) >= count; });
}

bool FakeSystem::wait_until_asleep() {
    return wait_for([this] { return asleep_ && !signalled_; });
}

bool FakeSystem::wait_until_writing() {
    return wait_for([this] { return writing_; });
}

bool FakeSystem::wait_until_ending() {
    return wait_for([this] { return ending_; });
}

std::uint64_t FakeSystem::signals() const {
    const std::scoped_lock lock(mutex_);
    return signals_;
}

}  // namespace aegis::test
