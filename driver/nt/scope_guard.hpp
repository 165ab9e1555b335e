// Undoes a step when the scope is left, unless the step is kept. Guards run in reverse order of their declaration,
// which is what makes an unwind ladder impossible to mis-order.
#pragma once

namespace aegis::driver {

template <class Undo>
class [[nodiscard]] ScopeGuard {
  public:
    explicit ScopeGuard(Undo undo) : undo_(undo) {}
    ~ScopeGuard() {
        if (armed_) {
            undo_();
        }
    }

    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

    void keep() { armed_ = false; }

  private:
    Undo undo_;
    bool armed_ = true;
};

}  // namespace aegis::driver
