// Every kernel call of the driver that can fail on NT is made to fail: each alone, and each pair.
//
// One scenario walks through the driver's life. A step that meets a failure has to report it, or be one of the few that
// can do without; repeated, it has to succeed. At the end the driver unloads, and the verifier stops the test when
// anything is left: pool, MDLs, mappings, references, links, devices, callbacks, IRPs.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "driver/host/executive/registry/registry_activity.hpp"
#include "driver/support/client.hpp"
#include "driver/support/events.hpp"
#include "driver/support/policy_builder.hpp"
#include "driver/support/registry.hpp"

namespace aegis::test {
namespace {

// What the driver can do without. The rest of a load, and every other request, fails with the call it needs.
const std::set<std::string> kDispensable{
    "EtwRegister",                         // the driver says the same to a debugger
    "EtwSetInformation",                   //
    "EtwWrite",                            //
    "ExUuidCreate",                        // asked again
    "MmGetSystemRoutineAddress",           // the better clock, or the sensor's better registration
    "ZwOpenKey",                           // the service key: defaults
    "ZwQueryValueKey",                     //
    "PsSetCreateThreadNotifyRoutine",      // the same of the thread sensor
    "PsSetCreateThreadNotifyRoutineEx",    //
    "PsSetLoadImageNotifyRoutine",         // and of the image sensor
    "PsSetLoadImageNotifyRoutineEx",       //
    "ObRegisterCallbacks",                 // and of the handle sensor, which protects nobody then
    "SeLocateProcessImageName",            // who is not known is not exempt from protection
    "CmRegisterCallbackEx",                // and of the registry sensor
    "PsSetCreateProcessNotifyRoutineEx2",  // the sensor: it is blind for other subsystems
    "PsSetCreateProcessNotifyRoutineEx",   // the driver loads and says that it is deaf
};

constexpr std::u16string_view kKey = u"\\REGISTRY\\MACHINE\\x";

// Where the sensor can hear of every subsystem, and where it cannot.
enum class System { kNew, kOld };

host::ExecutiveOptions options_of(System system) {
    host::ExecutiveOptions options;
    if (system == System::kOld) {
        options.other_exports["PsSetCreateProcessNotifyRoutineEx2"] = nullptr;
        options.other_exports["PsSetCreateThreadNotifyRoutineEx"] = nullptr;
        options.other_exports["PsSetLoadImageNotifyRoutineEx"] = nullptr;
        options.other_exports["CmCallbackGetKeyObjectIDEx"] = nullptr;
    }
    return options;
}

class Scenario {
  public:
    // Fails the calls `first` and `second` of the scenario, counted from 1; 0 fails nothing.
    Scenario(System system, std::uint64_t first, std::uint64_t second)
        : label_(fmt::format("{} system, calls {} and {} fail", system == System::kOld ? "old" : "new", first, second)),
          host_(options_of(system)) {
        host_->faults().arm(first, second);
    }

    void run() {
        const testing::ScopedTrace trace(__FILE__, __LINE__, label_);
        step("load", [&] { return host_.load_small(); });
        deaf_ = failed_in_step("load", "PsSetCreateProcessNotifyRoutineEx");
        deaf_for_threads_ = failed_in_step("load", "PsSetCreateThreadNotifyRoutine");
        deaf_for_images_ = failed_in_step("load", "PsSetLoadImageNotifyRoutine");
        Activity activity(host_);
        activity.come_and_go(2);
        {
            Client owner(host_);
            Client reader(host_);
            step("open", [&] { return owner.open(); });
            step("open for reading", [&] { return reader.open(FILE_READ_DATA); });
            const host::EventResult event = owner.create_event();
            SetupResult setup{};
            step("setup", [&] { return (setup = owner.setup(event.handle)).status; });
            consumer_page_of(setup.reply)->WakeAt = 5;
            activity.come_and_go(1);
            EXPECT_EQ(owner.take_signal(event), !deaf_);
            ring::Consumer<> consumer(ring_of(setup.reply), {});
            EXPECT_EQ(drain(consumer).size(), deaf_ ? 0U : 6U);
            step("pull", [&] { return pull_all(reader); });
            step("query", [&] { return query(reader); });
            thread_comes_and_goes(activity, reader);
            image_is_loaded(activity, reader);
            key_is_changed(reader);
            const std::vector<std::byte> policy =
                PolicyBuilder().path(u"\\x", AEGIS_POLICY_DROP).image(u"\\y").allow(u"\\z").blob();
            step("set a policy", [&] { return owner.set_policy(policy).status; });
            step("replace it", [&] { return owner.set_policy(policy).status; });
            EXPECT_EQ(reader.get_policy().reply->Generation, 2U) << "one that failed is none";
            if (deaf_for_handles_) {
                EXPECT_EQ(owner.protect(), STATUS_NOT_SUPPORTED);
            } else {
                step("protect", [&] { return owner.protect(); });
            }
            owner_is_opened(owner, reader);
            step("refuse", [&] { return owner.set_policy(refusals_of_keys()).status; });
            key_is_refused(reader);
            step("teardown", [&] { return owner.teardown(); });

            // The owner exits while its handle lives on; then the last close, in another process.
            step("setup again", [&] { return owner.setup(event.handle).status; });
            Client heir(host_);
            step("duplicate", [&] { return owner.duplicate_to(heir); });
            owner.exit();
            step("setup by the heir", [&] { return heir.setup().status; });
            step("duplicate back", [&] { return heir.duplicate_to(reader); });
            EXPECT_EQ(heir.close(), STATUS_SUCCESS);
            EXPECT_EQ(reader.close(), STATUS_SUCCESS);
            EXPECT_TRUE(heir.mappings().empty());
        }
        EXPECT_EQ(host_.unload(), host::UnloadResult::kUnloaded);
        failed_ = host_->faults().failed();
        calls_ = host_->faults().calls();
        host_->faults().reset();
    }

    // Names of the calls that failed.
    const std::vector<std::string>& failed() const { return failed_; }
    std::uint64_t calls() const { return calls_; }

  private:
    struct Step {
        std::string name;
        std::vector<std::string> failed;
    };

    // Repeats the action until it met no failure.
    void step(const std::string& name, const std::function<NTSTATUS()>& action) {
        for (;;) {
            const std::size_t before = host_->faults().failed().size();
            const NTSTATUS status = action();
            const std::vector<std::string> all = host_->faults().failed();
            const std::vector<std::string> met(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
            steps_.push_back({name, met});
            const bool dispensable = std::all_of(met.begin(), met.end(),
                                                 [](const std::string& call) { return kDispensable.contains(call); });
            // One clock is enough, none is not.
            const bool clockless = met.size() == 2 && status == STATUS_PROCEDURE_NOT_FOUND;
            EXPECT_EQ(NT_SUCCESS(status), dispensable && !clockless)
                << name << " answered " << std::hex << status << " with " << testing::PrintToString(met);
            if (met.empty() || NT_SUCCESS(status)) {
                return;
            }
        }
    }

    bool failed_in_step(const std::string& name, const std::string& call) const {
        return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
            return step.name == name && std::count(step.failed.begin(), step.failed.end(), call) != 0;
        });
    }

    // Whatever NT refuses to tell of a process, what its details say is right.
    static void expect_nothing_wrong(const AEGIS_PROCESS_DETAILS_PAYLOAD& details) {
        EXPECT_NE(details.ProcessKey, 0U);
        EXPECT_NE(details.CreationTime, 0);
        const bool token = (details.Flags & AEGIS_DETAILS_TOKEN_VALID) != 0;
        EXPECT_EQ(details.SidLength, token ? 28U : 0U);
        EXPECT_EQ(details.SessionId, token ? 1U : 0U);
        EXPECT_EQ(details.LogonId, token ? 0x2A517U : 0U);
        EXPECT_EQ(details.IntegrityLevel, (details.Flags & AEGIS_DETAILS_INTEGRITY_VALID) != 0 ? 0x2000U : 0U);
        EXPECT_LE(details.Elevation, AEGIS_ELEVATION_DEFAULT);
    }

    // Whatever NT refuses to tell of a thread, its events come, and say nothing wrong.
    void thread_comes_and_goes(Activity& activity, Client& reader) {
        host::ThreadCreation thread;
        thread.pid = kFirstFreePid;
        thread.tid = kFirstFreePid + 4;
        thread.creator = kFirstFreePid + 8;
        thread.creator_tid = kFirstFreePid + 12;
        thread.start_address = 0x1234;
        activity.create_thread(thread);
        activity.exit_thread({.pid = thread.pid, .tid = thread.tid, .status = 7, .timestamp = 1});
        const std::size_t before = host_->faults().failed().size();
        const std::vector<ProcessEvent> events = events_in(reader.pull(1 << 16).bytes);
        ASSERT_EQ(events.size(), deaf_for_threads_ ? 0U : 2U);
        EXPECT_EQ(host_->faults().failed().size(), before);
        for (const ProcessEvent& event : events) {
            const AEGIS_THREAD_PAYLOAD told = event.thread();
            EXPECT_EQ(told.ThreadId, thread.tid);
            EXPECT_EQ(told.StartAddress, (told.Flags & AEGIS_THREAD_ADDRESS_VALID) != 0 ? 0x1234U : 0U);
            EXPECT_EQ(told.ExitStatus, (told.Flags & AEGIS_THREAD_EXIT_STATUS_VALID) != 0 ? 7 : 0);
        }
    }

    // Without its process's key where NT refuses that.
    void image_is_loaded(Activity& activity, Client& reader) {
        host::ImageLoad image;
        image.pid = kFirstFreePid;
        image.loader = kFirstFreePid;
        image.path = u"\\Device\\x.dll";
        image.base = 0x10000;
        activity.load_image(image);
        const std::vector<ProcessEvent> events = events_in(reader.pull(1 << 16).bytes);
        ASSERT_EQ(events.size(), deaf_for_images_ ? 0U : 1U);
        for (const ProcessEvent& event : events) {
            EXPECT_EQ(path_of(event.image()), *image.path);
            EXPECT_EQ(event.image().ImageBase, image.base);
        }
    }

    // Whatever NT refuses to tell, who is protected stays so.
    void owner_is_opened(Client& owner, Client& reader) {
        const host::HandleResult opened = reader.open_process(owner.pid(), 0x1FFFFF);
        EXPECT_EQ((reader.granted(opened) & 1) != 0, deaf_for_handles_);
        const std::vector<ProcessEvent> events = events_in(reader.pull(1 << 16).bytes);
        ASSERT_EQ(events.size(), deaf_for_handles_ ? 0U : 1U);
        for (const ProcessEvent& event : events) {
            EXPECT_EQ(event.handle().TargetProcessId, owner.pid());
            // Perhaps with keys that are times.
            constexpr unsigned kExpected = AEGIS_HANDLE_STRIPPED | AEGIS_HANDLE_GRANTED_VALID;
            EXPECT_EQ(event.handle().Flags & kExpected, kExpected);
        }
        EXPECT_EQ(host_->close(reader.process(), opened.handle), STATUS_SUCCESS);
    }

    static std::vector<std::byte> refusals_of_keys() {
        return PolicyBuilder().path(kKey, AEGIS_POLICY_REFUSE, 1U << AEGIS_EVENT_REGISTRY_OP).blob();
    }

    static host::RegistryChange change_of(host::RegistryChangeKind kind, std::string_view data) {
        host::RegistryChange change;
        change.kind = kind;
        change.pid = kFirstFreePid;
        change.tid = kFirstFreePid + 4;
        change.key = kKey;
        change.name = u"x";
        change.data = std::as_bytes(std::span(data));
        return change;
    }

    static bool hears_of_keys(Client& reader) {
        return callback_row(*reader.query().reply, AEGIS_CALLBACK_REGISTRY).Registered != 0;
    }

    // Without the name or the data where NT refuses those.
    void key_is_changed(Client& reader) {
        for (const auto kind : {host::RegistryChangeKind::kSetValue, host::RegistryChangeKind::kDeleteKey}) {
            const std::string_view data = kind == host::RegistryChangeKind::kSetValue ? "data" : "";
            EXPECT_EQ(host::report_registry_change(change_of(kind, data)), STATUS_SUCCESS);
            const std::vector<ProcessEvent> events = events_in(reader.pull(1 << 16).bytes);
            ASSERT_EQ(events.size(), hears_of_keys(reader) ? 1U : 0U);
            for (const ProcessEvent& event : events) {
                const AEGIS_REGISTRY_PAYLOAD told = event.registry();
                EXPECT_EQ(key_text(told), (told.Flags & AEGIS_REGISTRY_NO_KEY_NAME) != 0 ? u"" : kKey);
                EXPECT_EQ(data_text(told), (told.Flags & AEGIS_REGISTRY_DATA_CUT) != 0 ? "" : data);
            }
        }
    }

    // A key whose name is not known is no rule's.
    void key_is_refused(Client& reader) {
        const auto try_to = [&](host::RegistryChangeKind kind, std::u16string_view key) {
            const std::size_t before = host_->faults().failed().size();
            host::RegistryChange change = change_of(kind, "data");
            change.key = key;
            const NTSTATUS status = host::report_registry_change(change);
            const bool whole = host_->faults().failed().size() == before;
            const bool able = hears_of_keys(reader);
            if (whole && able) {
                EXPECT_EQ(status, names_are_known(reader) || kind == host::RegistryChangeKind::kCreateKey
                                      ? STATUS_ACCESS_DENIED
                                      : STATUS_SUCCESS);
            }
            const std::vector<ProcessEvent> events = events_in(reader.pull(1 << 16).bytes);
            EXPECT_LE(events.size(), able ? 1U : 0U);
            for (const ProcessEvent& event : events) {
                EXPECT_EQ((event.registry().Flags & AEGIS_REGISTRY_REFUSED) != 0, status == STATUS_ACCESS_DENIED);
            }
        };
        try_to(host::RegistryChangeKind::kSetValue, kKey);
        try_to(host::RegistryChangeKind::kCreateKey, kKey);
    }

    // Of a key that no rule names.
    static bool names_are_known(Client& reader) {
        host::RegistryChange change = change_of(host::RegistryChangeKind::kSetValue, "");
        change.key = u"\\other";
        host::report_registry_change(change);
        const std::vector<ProcessEvent> events = events_in(reader.pull(1 << 16).bytes);
        return std::any_of(events.begin(), events.end(), [](const ProcessEvent& event) {
            return event.header.Type == AEGIS_EVENT_REGISTRY_OP && event.registry().KeyLength != 0;
        });
    }

    NTSTATUS pull_all(Client& reader) const {
        const PullResult pulled = reader.pull(1 << 16);
        const std::vector<ProcessEvent> events = all_events_in(pulled.bytes);
        EXPECT_EQ(events.size(), deaf_ ? 0U : 12U);
        for (const ProcessEvent& event : events) {
            if (event.header.Type == AEGIS_EVENT_PROCESS_DETAILS) {
                expect_nothing_wrong(event.details());
            }
        }
        return pulled.status;
    }

    NTSTATUS query(Client& reader) {
        const QueryResult result = reader.query();
        deaf_for_handles_ = callback_row(*result.reply, AEGIS_CALLBACK_HANDLE).Registered == 0;
        EXPECT_EQ(callback_row(*result.reply, AEGIS_CALLBACK_PROCESS).Registered, deaf_ ? 0U : 1U);
        EXPECT_EQ(NT_SUCCESS(callback_row(*result.reply, AEGIS_CALLBACK_PROCESS).Status), !deaf_);
        EXPECT_EQ(callback_row(*result.reply, AEGIS_CALLBACK_OWNER_EXIT).Registered, 1U);
        EXPECT_EQ(result.reply->Published, deaf_ ? 0U : 12U) << "each with its details";
        return result.status;
    }

    std::string label_;
    TestHost host_;
    std::vector<Step> steps_;
    std::vector<std::string> failed_;
    std::uint64_t calls_ = 0;
    bool deaf_ = false;
    bool deaf_for_threads_ = false;
    bool deaf_for_images_ = false;
    bool deaf_for_handles_ = false;
};

std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

// The scenario as it is, and what it is made of. Catches: a call that the injector no longer counts.
TEST(Faults, TheScenarioMeetsEveryCallThatCanFail) {
    std::set<std::string> met;
    for (const System system : {System::kNew, System::kOld}) {
        for (std::uint64_t n = 1;; ++n) {
            Scenario scenario(system, n, 0);
            scenario.run();
            if (scenario.failed().empty()) {
                EXPECT_EQ(scenario.calls(), n - 1);
                break;
            }
            met.insert(scenario.failed().begin(), scenario.failed().end());
        }
    }
    EXPECT_EQ(met, (std::set<std::string>{"CmCallbackGetKeyObjectID",
                                          "CmCallbackGetKeyObjectIDEx",
                                          "CmRegisterCallbackEx",
                                          "EtwRegister",
                                          "EtwSetInformation",
                                          "EtwWrite",
                                          "ExAllocatePoolWithTag",
                                          "ExUuidCreate",
                                          "IoAllocateMdl",
                                          "IoCreateDevice",
                                          "IoCreateSymbolicLink",
                                          "MmCopyMemory",
                                          "MmGetSystemRoutineAddress",
                                          "MmMapLockedPagesSpecifyCache",
                                          "ObOpenObjectByPointer",
                                          "ObReferenceObjectByHandle",
                                          "ObRegisterCallbacks",
                                          "PsLookupProcessByProcessId",
                                          "PsLookupThreadByThreadId",
                                          "PsSetCreateProcessNotifyRoutine",
                                          "PsSetCreateProcessNotifyRoutineEx",
                                          "PsSetCreateProcessNotifyRoutineEx2",
                                          "PsSetCreateThreadNotifyRoutine",
                                          "PsSetCreateThreadNotifyRoutineEx",
                                          "PsSetLoadImageNotifyRoutine",
                                          "PsSetLoadImageNotifyRoutineEx",
                                          "RtlAddAccessAllowedAce",
                                          "RtlCreateAcl",
                                          "RtlCreateSecurityDescriptor",
                                          "RtlSetDaclSecurityDescriptor",
                                          "SeAccessCheck",
                                          "SeLocateProcessImageName",
                                          "SeQueryAuthenticationIdToken",
                                          "SeQueryInformationToken",
                                          "SeQuerySessionIdToken",
                                          "ZwOpenKey",
                                          "ZwQueryInformationThread",
                                          "ZwQueryValueKey",
                                          "ZwSetSecurityObject"}));
}

TEST(Faults, EveryPairOfCallsMayFail) {
    const std::ptrdiff_t descriptors = open_descriptors();
    for (std::uint64_t first = 1;; ++first) {
        bool first_met = false;
        for (std::uint64_t second = first + 1;; ++second) {
            Scenario scenario(System::kNew, first, second);
            scenario.run();
            first_met = first_met || !scenario.failed().empty();
            if (scenario.failed().size() < 2 || testing::Test::HasFailure()) {
                break;
            }
        }
        if (!first_met || testing::Test::HasFailure()) {
            break;
        }
    }
    EXPECT_EQ(open_descriptors(), descriptors);
}

// The map call raises on NT; a thousand times in a row the guard has to catch it.
// Catches: a guard that leaves the stack or a register other than it was.
TEST(Faults, AMappingThatFailsAThousandTimesIsReportedEachTime) {
    TestHost host;
    ASSERT_EQ(host.load_small(), STATUS_SUCCESS);
    Client client(host);
    ASSERT_EQ(client.open(), STATUS_SUCCESS);
    const host::EventResult event = client.create_event();
    for (int round = 0; round < 1000; ++round) {
        // The first mapping fails, or the second: reference, attachment, page, MDL, map, MDL, map.
        host->faults().arm(round % 2 == 0 ? 5 : 7);
        ASSERT_EQ(client.setup(event.handle).status, STATUS_INSUFFICIENT_RESOURCES) << round;
        ASSERT_EQ(host->faults().failed(), std::vector<std::string>{"MmMapLockedPagesSpecifyCache"});
        host->faults().reset();
        ASSERT_TRUE(client.mappings().empty());
    }
    EXPECT_EQ(client.setup(event.handle).status, STATUS_SUCCESS);
}

// What a load that failed says, and what one says that goes on without its sensor.
TEST(Faults, AFailedLoadNamesItsStep) {
    const std::set<std::string> blind{"AegisMon: cannot see processes of every subsystem",
                                      "AegisMon: cannot see threads of every subsystem",
                                      "AegisMon: cannot see images of every architecture",
                                      "AegisMon: cannot register the handle sensor, going on without it",
                                      "AegisMon: cannot register the registry sensor, going on without it"};
    std::set<std::string> lines;
    for (const System system : {System::kNew, System::kOld}) {
        for (std::uint64_t n = 1;; ++n) {
            TestHost host(options_of(system));
            host->faults().arm(n);
            const NTSTATUS status = host.load_small();
            const std::vector<std::string> failed = host->faults().failed();
            host->faults().reset();
            if (failed.empty()) {
                break;
            }
            std::vector<std::string> errors;
            for (const DebugLine& line : host.take_debug_lines()) {
                if (line.level == DPFLTR_ERROR_LEVEL) {
                    errors.push_back(line.text.substr(0, line.text.find(": 0x")));
                }
            }
            lines.insert(errors.begin(), errors.end());
            // Of these there is another way to go, with a line of its own for the sensor. ETW is no error to be
            // without.
            const bool silent = failed.front() == "MmGetSystemRoutineAddress" || failed.front() == "ExUuidCreate" ||
                                failed.front() == "PsSetCreateProcessNotifyRoutineEx2" ||
                                failed.front() == "PsSetCreateThreadNotifyRoutineEx" ||
                                failed.front() == "PsSetLoadImageNotifyRoutineEx" ||
                                failed.front() == "ObRegisterCallbacks" || failed.front().starts_with("Etw");
            std::erase_if(errors, [&](const std::string& line) { return blind.contains(line); });
            EXPECT_EQ(errors.size(), silent || failed.front() == "CmRegisterCallbackEx" ? 0U : 1U)
                << failed.front() << ", " << std::hex << status;
        }
    }
    EXPECT_EQ(lines, (std::set<std::string>{
                         "AegisMon: cannot create the ring", "AegisMon: cannot make the table of upper case",
                         "AegisMon: cannot build the device's security descriptor",
                         "AegisMon: cannot create \\Device\\AegisMon", "AegisMon: cannot secure \\Device\\AegisMon",
                         "AegisMon: cannot link \\??\\AegisMon", "AegisMon: cannot watch for consumers that exit",
                         "AegisMon: cannot register the process sensor, going on without it",
                         "AegisMon: cannot register the thread sensor, going on without it",
                         "AegisMon: cannot register the image sensor, going on without it",
                         "AegisMon: cannot register the handle sensor, going on without it",
                         "AegisMon: cannot register the registry sensor, going on without it",
                         "AegisMon: cannot see processes of every subsystem",
                         "AegisMon: cannot see threads of every subsystem",
                         "AegisMon: cannot see images of every architecture",
                         "AegisMon: cannot read Parameters\\RingKiB (0xc000009a), using 4352",
                         "AegisMon: cannot open the Parameters key (0xc000009a), using RingKiB 4352"}));
}

// Both names of the clock gone: the one load step whose failure takes two.
TEST(Faults, WithoutAClockTheDriverDoesNotLoad) {
    TestHost host;
    // Behind ETW's four functions, and two calls of them.
    host->faults().arm(7, 8);
    EXPECT_EQ(host.load(), STATUS_PROCEDURE_NOT_FOUND);
    ASSERT_EQ(host->faults().failed(), (std::vector<std::string>(2, "MmGetSystemRoutineAddress")));
    host->faults().reset();
    const std::vector<DebugLine> lines = host.take_debug_lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].text, "AegisMon: cannot find a system clock: 0xc000007a");
}

}  // namespace
}  // namespace aegis::test
