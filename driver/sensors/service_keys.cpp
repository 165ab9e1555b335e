#include "sensors/service_keys.hpp"

#include <string_view>

namespace aegis::driver {
namespace {

// In upper case, as the table makes it.
constexpr std::u16string_view kControlSet = u"\\REGISTRY\\MACHINE\\SYSTEM\\CONTROLSET";
constexpr std::u16string_view kServices = u"\\SERVICES";
constexpr std::u16string_view kOwn[] = {u"\\AEGISMON", u"\\AEGISAGENT"};

// Takes a path from its beginning, a piece at a time.
class Walk {
  public:
    Walk(const JoinedText& text, const CaseTable& cases) : text_(text), cases_(cases) {}

    bool at_end() const { return at_ == text_.length(); }
    bool at_end_of_name() const { return at_end() || unit() == CaseTable::kSeparator; }

    // Nothing is taken where it is not next.
    bool take(std::u16string_view piece) {
        const std::size_t begin = at_;
        for (const char16_t wanted : piece) {
            if (at_end() || unit() != wanted) {
                at_ = begin;
                return false;
            }
            ++at_;
        }
        return true;
    }

    bool take_number() {
        const std::size_t begin = at_;
        while (!at_end() && unit() >= u'0' && unit() <= u'9') {
            ++at_;
        }
        return at_ != begin;
    }

  private:
    std::uint16_t unit() const { return cases_.fold(text_.at(at_)); }

    const JoinedText& text_;
    const CaseTable& cases_;
    std::size_t at_ = 0;
};

}  // namespace

KeyPlace place_among_services(const JoinedText& key, const CaseTable& cases) {
    Walk walk(key, cases);
    if (!walk.take(kControlSet) || !walk.take_number() || !walk.at_end_of_name()) {
        return KeyPlace::kElsewhere;
    }
    if (walk.at_end()) {
        return KeyPlace::kAbove;
    }
    if (!walk.take(kServices) || !walk.at_end_of_name()) {
        return KeyPlace::kElsewhere;
    }
    if (walk.at_end()) {
        return KeyPlace::kAbove;
    }
    for (const std::u16string_view own : kOwn) {
        if (walk.take(own)) {
            return walk.at_end_of_name() ? KeyPlace::kOwn : KeyPlace::kElsewhere;
        }
    }
    return KeyPlace::kElsewhere;
}

}  // namespace aegis::driver
