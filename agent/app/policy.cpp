#include "agent/app/policy.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "agent/config/policy_file.hpp"

namespace aegis::agent {
namespace {

// Many times what fills a blob.
constexpr std::size_t kLongestFile = std::size_t{4} << 20U;

// What went wrong; nothing when `text` is the file.
std::optional<std::string> read_file(const std::string& path, std::string& text) {
    const auto reason = [] { return std::generic_category().message(errno); };
    errno = 0;
    std::ifstream file(std::filesystem::path(std::u8string(path.begin(), path.end())), std::ios::binary);
    if (!file) {
        return reason();
    }
    text.resize(kLongestFile + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad()) {
        return reason();
    }
    return text.size() > kLongestFile ? std::optional<std::string>("it is no policy: it has more than 4 MiB")
                                      : std::nullopt;
}

std::string at(const std::string& path, const PolicyRemark& remark) {
    return fmt::format("{}:{}:{}: {}", path, remark.line, remark.column, remark.message);
}

}  // namespace

std::optional<Failure> load_policy(const std::string& path, Log& log, std::vector<std::byte>& blob) {
    std::string text;
    if (const std::optional<std::string> error = read_file(path, text)) {
        return Failure{ExitCode::kUsage, fmt::format("cannot read the policy {}: {}", path, *error)};
    }
    PolicyFile file = compile_policy(text);
    for (const PolicyRemark& warning : file.warnings) {
        log.warning(at(path, warning));
    }
    for (const PolicyRemark& error : file.errors) {
        log.error(at(path, error));
    }
    if (!file.errors.empty()) {
        return Failure{ExitCode::kUsage,
                       fmt::format("the policy {} was not set: correct {} and start again; docs/policy.md has the keys",
                                   path, file.errors.size() == 1 ? "this line" : "these lines")};
    }
    blob = std::move(file.blob);
    return std::nullopt;
}

std::optional<Failure> set_policy(aegis_client* client, Log& log, const std::vector<std::byte>& blob,
                                  std::uint64_t& generation) {
    AEGIS_SET_POLICY_REPLY reply = {};
    const std::int32_t result = aegis_set_policy(client, blob.data(), static_cast<std::uint32_t>(blob.size()), &reply,
                                                 sizeof(reply), AEGIS_FOREVER);
    if (result != AEGIS_OK) {
        Failure failure = client_failure(result);
        failure.message = fmt::format("the policy was not set: {}", failure.message);
        return failure;
    }
    generation = reply.Generation;
    log.note(fmt::format("policy {} is in force, digest {:016x}", reply.Generation, reply.Digest));
    return std::nullopt;
}

std::string policy_line(aegis_client* client, std::int32_t limit_ms) {
    AEGIS_GET_POLICY_REPLY reply = {};
    if (aegis_get_policy(client, &reply, sizeof(reply), limit_ms) != AEGIS_OK || reply.Generation == 0) {
        return {};
    }
    AEGIS_POLICY_COUNTERS all = {};
    for (const AEGIS_POLICY_COUNTERS& type : reply.Types) {
        all.Filtered += type.Filtered;
        all.Limited += type.Limited;
        all.Merged += type.Merged;
        all.Refused += type.Refused;
    }
    return fmt::format("policy: generation={} filtered={} limited={} merged={} refused={}", reply.Generation,
                       all.Filtered, all.Limited, all.Merged, all.Refused);
}

}  // namespace aegis::agent
