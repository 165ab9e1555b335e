// The switches of driver_mutants.py: AEGIS_MUTANT in the environment numbers the one that is thrown in this run: what
// is missing from it, or is otherwise.
#pragma once

#include <cstdlib>
#include <new>

namespace aegis::mutation {

// Before anything of the driver runs; 0, which is no switch's number, when the driver is whole.
inline const int kMissingPiece = [] {
    const char* text = std::getenv("AEGIS_MUTANT");
    return text != nullptr ? std::atoi(text) : 0;
}();

inline bool missing(int piece) {
    return piece == kMissingPiece;
}

// A scope object, a lock for example, that may be missing.
template <class Scope>
class Maybe {
  public:
    template <class... Arguments>
    explicit Maybe(int piece, Arguments&... arguments) : present_(!missing(piece)) {
        if (present_) {
            new (storage_) Scope(arguments...);
        }
    }
    ~Maybe() {
        if (present_) {
            reinterpret_cast<Scope*>(storage_)->~Scope();
        }
    }
    Maybe(const Maybe&) = delete;
    Maybe& operator=(const Maybe&) = delete;

  private:
    alignas(Scope) unsigned char storage_[sizeof(Scope)];
    bool present_;
};

}  // namespace aegis::mutation
