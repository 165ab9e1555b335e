#include "driver/support/race.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "driver/support/policy_builder.hpp"

namespace aegis::test {
namespace {

std::atomic<std::uint64_t> g_rounds = 0;

const char* stress_seconds() {
    return std::getenv("AEGIS_STRESS_SECONDS");
}

std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

NTSTATUS close_handle(RaceRound& round) {
    return round.host()->close(round.owner().process(), round.device());
}

NTSTATUS hand_over(RaceRound& round) {
    const host::HandleResult copy =
        round.host()->duplicate_handle(round.owner().process(), round.device(), round.heir().process());
    // The last close may now be that of another process.
    return NT_SUCCESS(copy.status) ? round.host()->close(round.heir().process(), copy.handle) : copy.status;
}

NTSTATUS inherit(RaceRound& round) {
    const host::HandleResult copy =
        round.host()->duplicate_handle(round.owner().process(), round.device(), round.heir().process());
    if (!NT_SUCCESS(copy.status)) {
        return copy.status;
    }
    const auto request = make_request<AEGIS_RING_TEARDOWN_REQUEST>();
    return round.request(round.heir(), copy.handle, AEGIS_IOCTL_RING_TEARDOWN, bytes_of(request), 0);
}

NTSTATUS exit_owner(RaceRound& round) {
    round.owner().exit();
    return STATUS_SUCCESS;
}

NTSTATUS end_owner_as_debugged(RaceRound& round) {
    round.owner().exit_from(round.heir());
    return STATUS_SUCCESS;
}

NTSTATUS close_from_elsewhere(RaceRound& round) {
    return round.host()->close_from(round.heir().process(), round.owner().process(), round.device());
}

NTSTATUS exit_stranger(RaceRound& round) {
    Client(round.host()).exit();
    return STATUS_SUCCESS;
}

NTSTATUS flood(RaceRound& round) {
    Activity(round.host()).come_and_go(5);
    return STATUS_SUCCESS;
}

NTSTATUS query(RaceRound& round) {
    const auto request = make_request<AEGIS_QUERY_REQUEST>();
    return round.request(round.owner(), round.device(), AEGIS_IOCTL_QUERY, bytes_of(request),
                         sizeof(AEGIS_QUERY_REPLY));
}

NTSTATUS set_policy(RaceRound& round) {
    static const std::vector<std::byte> request =
        set_policy_request(PolicyBuilder().path(u"\\x", AEGIS_POLICY_REFUSE).blob());
    return round.request(round.owner(), round.device(), AEGIS_IOCTL_SET_POLICY, request,
                         sizeof(AEGIS_SET_POLICY_REPLY));
}

NTSTATUS get_policy(RaceRound& round) {
    const auto request = make_request<AEGIS_GET_POLICY_REQUEST>();
    return round.request(round.owner(), round.device(), AEGIS_IOCTL_GET_POLICY, bytes_of(request),
                         sizeof(AEGIS_GET_POLICY_REPLY));
}

NTSTATUS protect(RaceRound& round) {
    const auto request = make_request<AEGIS_PROTECT_REQUEST>();
    return round.request(round.owner(), round.device(), AEGIS_IOCTL_PROTECT, bytes_of(request), 0);
}

// By somebody who does not know whether it is protected.
NTSTATUS open_owner(RaceRound& round) {
    const host::HandleResult opened = round.heir().open_process(round.owner().pid(), 0x1FFFFF);
    return NT_SUCCESS(opened.status) ? round.host()->close(round.heir().process(), opened.handle) : opened.status;
}

NTSTATUS pull(RaceRound& round) {
    return round.request(round.owner(), round.device(), AEGIS_IOCTL_GET_EVENTS, {}, 1U << 14U);
}

}  // namespace

RaceRound::RaceRound(TestHost& host, bool attached) : host_(&host), owner_(host), heir_(host), attached_(attached) {
    count_round();
    EXPECT_EQ(owner_.open(), STATUS_SUCCESS);
    device_ = owner_.device();
    if (attached_) {
        EXPECT_EQ(setup(), STATUS_SUCCESS);
    }
}

NTSTATUS RaceRound::setup() {
    const host::EventResult event = owner_.create_event();
    if (!NT_SUCCESS(event.status)) {
        return event.status;
    }
    auto request = make_request<AEGIS_RING_SETUP_REQUEST>();
    request.EventHandle = event.handle;
    const NTSTATUS status =
        this->request(owner_, device_, AEGIS_IOCTL_RING_SETUP, bytes_of(request), sizeof(AEGIS_RING_SETUP_REPLY));
    // From here on the driver's reference is the event's last.
    host_->executive().close(owner_.process(), event.handle);
    return status;
}

NTSTATUS RaceRound::teardown() {
    const auto request = make_request<AEGIS_RING_TEARDOWN_REQUEST>();
    return this->request(owner_, device_, AEGIS_IOCTL_RING_TEARDOWN, bytes_of(request), 0);
}

NTSTATUS RaceRound::request(Client& client, host::ProcessHandle device, ULONG code, std::span<const std::byte> input,
                            std::size_t output_bytes) {
    std::vector<std::byte> output(output_bytes);
    return host_->executive().device_control(client.process(), device, code, input, output).status;
}

const std::vector<Actor>& race_actors() {
    static const std::vector<Actor> actors{
        {"setup",
         [](RaceRound& round) { return round.setup(); },
         // A type mismatch when the device's handle is closed and its number goes to the setup's own event.
         {STATUS_SUCCESS, STATUS_ALREADY_REGISTERED, STATUS_FILE_CLOSED, STATUS_INVALID_HANDLE,
          STATUS_OBJECT_TYPE_MISMATCH, STATUS_PROCESS_IS_TERMINATING}},
        {"teardown",
         [](RaceRound& round) { return round.teardown(); },
         {STATUS_SUCCESS, STATUS_NOT_FOUND, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"close", close_handle, {STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"hand over", hand_over, {STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"teardown elsewhere",
         inherit,
         {STATUS_SUCCESS, STATUS_NOT_FOUND, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"owner exit", exit_owner, {STATUS_SUCCESS}},
        {"owner's end as a debugged process", end_owner_as_debugged, {STATUS_SUCCESS}},
        {"close from elsewhere", close_from_elsewhere, {STATUS_SUCCESS, STATUS_INVALID_HANDLE}},
        {"stranger's exit", exit_stranger, {STATUS_SUCCESS}},
        {"flood", flood, {STATUS_SUCCESS}},
        {"query", query, {STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"set policy",
         set_policy,
         {STATUS_SUCCESS, STATUS_FILE_CLOSED, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"get policy", get_policy, {STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
        {"protect",
         protect,
         {STATUS_SUCCESS, STATUS_ALREADY_REGISTERED, STATUS_FILE_CLOSED, STATUS_INVALID_HANDLE,
          STATUS_PROCESS_IS_TERMINATING}},
        {"open the owner", open_owner, {STATUS_SUCCESS, STATUS_INVALID_CID, STATUS_PROCESS_IS_TERMINATING}},
        {"pull", pull, {STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING}},
    };
    return actors;
}

void race(TestHost& host, const Actor& left, const Actor& right, bool attached, unsigned rounds,
          const std::function<void(NTSTATUS, NTSTATUS)>& check) {
    std::unique_ptr<RaceRound> round;
    std::array<NTSTATUS, 2> answers{};
    std::barrier gate(3);
    const auto act = [&](const Actor& actor, NTSTATUS& answer) {
        for (unsigned i = 0; i < rounds; ++i) {
            gate.arrive_and_wait();
            answer = actor.act(*round);
            gate.arrive_and_wait();
        }
    };
    std::thread left_thread(act, std::cref(left), std::ref(answers[0]));
    std::thread right_thread(act, std::cref(right), std::ref(answers[1]));
    for (unsigned i = 0; i < rounds; ++i) {
        round = std::make_unique<RaceRound>(host, attached);
        gate.arrive_and_wait();
        gate.arrive_and_wait();
        for (const auto& [actor, answer] : {std::pair(&left, answers[0]), std::pair(&right, answers[1])}) {
            EXPECT_NE(std::find(actor->answers.begin(), actor->answers.end(), answer), actor->answers.end())
                << actor->name << " answered " << std::hex << answer;
        }
        if (check) {
            check(answers[0], answers[1]);
        }
        round.reset();
    }
    left_thread.join();
    right_thread.join();
}

void count_round() {
    g_rounds.fetch_add(1, std::memory_order_relaxed);
}

StressClock::StressClock() : begin_rounds_(g_rounds.load(std::memory_order_relaxed)) {
    const char* seconds = stress_seconds();
    end_ns_ = now_ns() + (seconds != nullptr ? std::strtoull(seconds, nullptr, 10) * 1'000'000'000U : 0);
}

StressClock::~StressClock() {
    if (stress_seconds() != nullptr) {
        const std::uint64_t rounds = g_rounds.load(std::memory_order_relaxed) - begin_rounds_;
        std::printf("%llu rounds\n", static_cast<unsigned long long>(rounds));
    }
}

bool StressClock::again() {
    return std::exchange(first_, false) || now_ns() < end_ns_;
}

}  // namespace aegis::test
