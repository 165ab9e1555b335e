#include "agent/format/json_text.hpp"

#include <rapidjson/writer.h>

namespace aegis::agent {
namespace {

// What rapidjson's writer calls an output stream.
class LineStream {
  public:
    using Ch = char;
    explicit LineStream(Lines& lines) : lines_(&lines) {}
    void Put(char c) { lines_->push_back(c); }
    void Flush() {}

  private:
    Lines* lines_;
};

}  // namespace

void append_json_string(std::string_view text, Lines& lines) {
    LineStream stream(lines);
    rapidjson::Writer<LineStream> writer(stream);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

}  // namespace aegis::agent
