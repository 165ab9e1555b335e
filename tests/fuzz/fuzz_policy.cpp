// Arbitrary policies, and processes whose paths come from the same bytes.
//
// The input is a blob whose fixed words are put right, so that what follows them is what is tried; most are refused,
// and then nothing may have changed. Findings: a crash, a sanitizer's report, a STOP of the verifier, a start that is
// neither reported nor kept back, a policy in force that was refused, counters that do not add up.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "driver/host/executive/registry/registry_activity.hpp"
#include "fuzz/byte_source.hpp"
#include "fuzz/driver_fuzz.hpp"

namespace aegis::test {
namespace {

constexpr std::size_t kMaxPolicies = 4;
constexpr std::size_t kMaxProcesses = 16;

std::vector<std::byte> policy_from(ByteSource& input) {
    const auto bytes = std::as_bytes(input.take_bytes(input.take<std::uint16_t>() % 2048));
    std::vector<std::byte> blob(bytes.begin(), bytes.end());
    if (input.below(8) == 0) {
        return blob;
    }
    blob.resize(std::max(blob.size(), sizeof(AEGIS_POLICY_HEADER)));
    AEGIS_POLICY_HEADER header;
    std::memcpy(&header, blob.data(), sizeof(header));
    header.Magic = AEGIS_POLICY_MAGIC;
    header.Version = AEGIS_POLICY_VERSION;
    header.Bytes = static_cast<std::uint32_t>(blob.size());
    header.Reserved = 0;
    if (input.below(4) != 0) {
        // Sections that fit: the rest of the blob as rules and texts.
        std::memset(header.Types, 0, sizeof(header.Types));
        const std::size_t room = blob.size() - sizeof(header);
        const auto rules = static_cast<std::uint32_t>(input.below(room / sizeof(AEGIS_POLICY_RULE) + 1));
        const auto paths = static_cast<std::uint32_t>(input.below(rules + 1));
        const auto text_at = static_cast<std::uint32_t>(sizeof(header) + rules * sizeof(AEGIS_POLICY_RULE));
        const auto images_at = static_cast<std::uint32_t>(sizeof(header) + paths * sizeof(AEGIS_POLICY_RULE));
        const std::uint32_t extensions = (rules - paths) / 4;
        const auto extensions_at = static_cast<std::uint32_t>(text_at - extensions * sizeof(AEGIS_POLICY_RULE));
        header.Sections[AEGIS_POLICY_PATHS] = {sizeof(header), paths};
        header.Sections[AEGIS_POLICY_IMAGES] = {images_at, rules - paths - extensions};
        header.Sections[AEGIS_POLICY_EXTENSIONS] = {extensions_at, extensions};
        // As many masks and processes as fit, of what is left for texts.
        const std::size_t left = blob.size() - text_at;
        const auto masks = static_cast<std::uint32_t>(input.below(left / (4 * sizeof(AEGIS_POLICY_HANDLES)) + 1));
        const auto processes = static_cast<std::uint32_t>(input.below(left / (4 * sizeof(AEGIS_POLICY_PROCESS)) + 1));
        const auto processes_at = static_cast<std::uint32_t>(text_at + masks * sizeof(AEGIS_POLICY_HANDLES));
        const auto end = static_cast<std::uint32_t>(processes_at + processes * sizeof(AEGIS_POLICY_PROCESS));
        header.Sections[AEGIS_POLICY_HANDLE_MASKS] = {text_at, masks};
        header.Sections[AEGIS_POLICY_PROTECTED] = {processes_at, processes};
        header.Sections[AEGIS_POLICY_TEXT] = {end, static_cast<std::uint32_t>((blob.size() - end) / 2)};
    }
    std::memcpy(blob.data(), &header, sizeof(header));
    return blob;
}

class Session {
  public:
    explicit Session(ByteSource& input) : input_(input) {
        require(NT_SUCCESS(host_.load_small()), "the driver does not load");
        bystander_ = std::make_unique<Bystander>(host_);
        client_ = std::make_unique<Client>(host_);
        require(NT_SUCCESS(client_->open()), "the device cannot be opened");
    }

    ~Session() {
        client_.reset();
        bystander_->check();
        bystander_.reset();
        host_.unload();
        require(!host_->driver_loaded(), "the driver does not unload");
    }

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void run() {
        std::uint64_t generation = 0;
        for (std::size_t i = 0; i < kMaxPolicies && !input_.empty(); ++i) {
            const bool taken = NT_SUCCESS(client_->set_policy(policy_from(input_)).status);
            generation += taken ? 1 : 0;
            require(client_->get_policy().reply->Generation == generation, "a refused policy changed something");
            start_processes();
            change_keys();
        }
    }

  private:
    void start_processes() {
        Activity activity(host_);
        for (std::size_t i = 0; i < kMaxProcesses && !input_.empty(); ++i) {
            const std::uint32_t pid = kFirstFreePid + static_cast<std::uint32_t>(input_.below(4));
            const auto units = std::as_bytes(input_.take_bytes(2 * input_.below(600)));
            std::u16string path(units.size() / 2, u'\0');
            std::memcpy(path.data(), units.data(), path.size() * 2);
            const std::uint64_t seen = row().Seen;
            activity.create(pid, path);
            require(row().Seen == seen + 1, "a start was not counted once");
            const std::uint64_t opened = row(AEGIS_CALLBACK_HANDLE).Seen;
            const host::HandleResult handle = client_->open_process(pid, input_.take<std::uint32_t>());
            require(row(AEGIS_CALLBACK_HANDLE).Seen == opened + 1, "a handle was not counted once");
            host_->close(client_->process(), handle.handle);
            activity.exit(pid);
            bystander_->read();
        }
        for (const std::uint32_t kind : {AEGIS_CALLBACK_PROCESS, AEGIS_CALLBACK_HANDLE}) {
            const AEGIS_CALLBACK_HEALTH all = row(kind);
            require(all.Seen == all.Published + all.Filtered + all.Limited + all.Merged + all.Lost,
                    "the row does not add up");
        }
    }

    std::u16string text(std::size_t most) {
        const auto units = std::as_bytes(input_.take_bytes(2 * input_.below(most)));
        std::u16string text(units.size() / 2, u'\0');
        std::memcpy(text.data(), units.data(), text.size() * 2);
        return text;
    }

    // Whatever a caller of the configuration manager says, and NT hands on.
    void change_keys() {
        for (std::size_t i = 0; i < kMaxProcesses && !input_.empty(); ++i) {
            host::RegistryChange change;
            const std::u16string key = u"\\REGISTRY\\" + text(600);
            const std::u16string name = text(600);
            const auto data = std::as_bytes(input_.take_bytes(input_.below(2000)));
            change.kind = static_cast<host::RegistryChangeKind>(input_.below(5));
            change.pid = input_.below(8) == 0 ? 4 : kFirstFreePid + static_cast<std::uint32_t>(input_.below(4));
            change.tid = change.pid;
            change.key = key;
            if (input_.below(4) != 0) {
                change.name = name;
            }
            change.odd_name = input_.below(2) != 0;
            change.type = static_cast<ULONG>(input_.below(20));
            change.data = data;
            if (input_.below(2) != 0) {
                change.claimed = static_cast<ULONG>(input_.below(0xFFFFFFFF));
            }
            change.kernel = !change.claimed && input_.below(4) == 0;
            change.at_apc_level = input_.below(4) == 0;
            change.existing = input_.below(4) == 0;
            change.status = input_.below(4) == 0 ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
            host::report_registry_change(change);
            bystander_->read();
        }
        const AEGIS_CALLBACK_HEALTH all = callback_row(*client_->query().reply, AEGIS_CALLBACK_REGISTRY);
        require(all.Seen == all.Published + all.Filtered + all.Limited + all.Merged + all.Lost,
                "the registry's row does not add up");
    }

    AEGIS_CALLBACK_HEALTH row(std::uint32_t kind = AEGIS_CALLBACK_PROCESS) {
        return callback_row(*client_->query().reply, kind);
    }

    ByteSource& input_;
    TestHost host_;
    std::unique_ptr<Bystander> bystander_;
    std::unique_ptr<Client> client_;
};

}  // namespace
}  // namespace aegis::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    aegis::test::ByteSource input(data, bytes);
    aegis::test::Session session(input);
    session.run();
    return 0;
}
