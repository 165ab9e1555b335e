#include "driver/host/executive/security/token_references.hpp"

#include <fmt/format.h>

#include <utility>

#include "driver/host/executive/verifier/verifier.hpp"

namespace aegis::host {

PACCESS_TOKEN TokenReferences::add(std::shared_ptr<const Token> token) {
    const std::lock_guard lock(mutex_);
    const Token* const address = token.get();
    Held& held = held_[address];
    held.token = std::move(token);
    ++held.references;
    return const_cast<Token*>(address);
}

void TokenReferences::remove(PACCESS_TOKEN token) {
    const std::lock_guard lock(mutex_);
    const auto held = held_.find(token);
    if (held == held_.end()) {
        verifier_stop(Bugcheck::kReferenceByPointer,
                      fmt::format("PsDereferencePrimaryToken of {}, to which there is no reference", token));
    }
    if (--held->second.references == 0) {
        held_.erase(held);
    }
}

const Token& TokenReferences::require(PACCESS_TOKEN token, const char* function) const {
    const std::lock_guard lock(mutex_);
    const auto held = held_.find(token);
    if (held == held_.end()) {
        verifier_stop(Bugcheck::kReferenceByPointer,
                      fmt::format("{} of {}, which is no token with a reference", function, token));
    }
    return *held->second.token;
}

std::string TokenReferences::describe_leaks() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [address, held] : held_) {
        text += fmt::format("{} reference(s) to token {}; ", held.references, address);
    }
    return text;
}

}  // namespace aegis::host
