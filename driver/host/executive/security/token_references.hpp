// Tokens that the driver holds references to.
#pragma once

#include <ntifs.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "driver/host/executive/security/token.hpp"

namespace aegis::host {

class TokenReferences {
  public:
    // The token lives until its references are gone.
    PACCESS_TOKEN add(std::shared_ptr<const Token> token);
    // Stops when the driver holds none to it.
    void remove(PACCESS_TOKEN token);
    // Stops when the driver holds no reference to it; `function` is the call that uses it.
    const Token& require(PACCESS_TOKEN token, const char* function) const;

    // One line for each token that is still referenced.
    std::string describe_leaks() const;

  private:
    struct Held {
        std::shared_ptr<const Token> token;
        unsigned references = 0;
    };

    mutable std::mutex mutex_;
    std::unordered_map<const void*, Held> held_;
};

}  // namespace aegis::host
