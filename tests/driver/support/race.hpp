// Two things happening to one consumer at the same time, again and again.
#pragma once

#include <ntifs.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/support/client.hpp"
#include "driver/support/events.hpp"

namespace aegis::test {

// What one round starts with: an owner with an open handle, perhaps a consumer already, and another process.
class RaceRound {
  public:
    RaceRound(TestHost& host, bool attached);

    TestHost& host() { return *host_; }
    Client& owner() { return owner_; }
    Client& heir() { return heir_; }
    // The owner's handle as it was opened: it may be closed by now.
    host::ProcessHandle device() const { return device_; }
    bool attached() const { return attached_; }

    NTSTATUS setup();
    NTSTATUS teardown();
    NTSTATUS request(Client& client, host::ProcessHandle device, ULONG code, std::span<const std::byte> input,
                     std::size_t output_bytes);

  private:
    TestHost* host_;
    Client owner_;
    Client heir_;
    host::ProcessHandle device_ = 0;
    bool attached_;
};

// Something that happens in a round, and the answers it may get: they depend on who was first.
struct Actor {
    std::string name;
    std::function<NTSTATUS(RaceRound&)> act;
    std::vector<NTSTATUS> answers;
};

// Setup, teardown, close, also from elsewhere, duplication with a close elsewhere, owner exit of either kind, the exit
// of a stranger, a flood of events, query, policies, protection and somebody who opens the owner, pull.
const std::vector<Actor>& race_actors();

// Runs `left` and `right` at the same time, each on a thread of its own, `rounds` times; after each round everything
// that belongs to it ends. `check`, when given, sees the two answers.
void race(TestHost& host, const Actor& left, const Actor& right, bool attached, unsigned rounds,
          const std::function<void(NTSTATUS, NTSTATUS)>& check = {});

// One round of a race has begun; every RaceRound is one.
void count_round();

// How often a test repeats its rounds: once, or for AEGIS_STRESS_SECONDS of the environment, and then it prints how
// many rounds that were.
class StressClock {
  public:
    StressClock();
    ~StressClock();
    StressClock(const StressClock&) = delete;
    StressClock& operator=(const StressClock&) = delete;
    bool again();

  private:
    std::uint64_t begin_rounds_;
    std::uint64_t end_ns_;
    bool first_ = true;
};

}  // namespace aegis::test
