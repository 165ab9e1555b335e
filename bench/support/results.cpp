#include "support/results.hpp"

#include <rapidjson/ostreamwrapper.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace aegis::bench {
namespace {

using Writer = rapidjson::Writer<rapidjson::OStreamWrapper>;

void write_text(Writer& writer, const char* key, const std::string& value) {
    writer.Key(key);
    writer.String(value.c_str());
}

void write_numbers(Writer& writer, const char* key, const std::map<std::string, double>& numbers) {
    writer.Key(key);
    writer.StartObject();
    for (const auto& [name, value] : numbers) {
        // JSON knows no others; a sample with one does not count.
        if (std::isfinite(value)) {
            writer.Key(name.c_str());
            writer.Double(value);
        }
    }
    writer.EndObject();
}

void write_record(Writer& writer, const SampleRecord& record) {
    writer.StartObject();
    write_text(writer, "suite", record.suite);
    write_numbers(writer, "parameters", record.parameters);
    write_text(writer, "contender", record.contender);
    writer.Key("round");
    writer.Int(record.round);
    writer.Key("transfer_ns");
    writer.Double(record.transfer_ns);
    writer.Key("step_ns");
    writer.Double(record.step_ns);
    write_text(writer, "regime", record.regime);
    writer.Key("accepted");
    writer.Bool(record.accepted);
    write_text(writer, "reason", record.reason);
    write_numbers(writer, "values", record.values);
    writer.EndObject();
}

void write_record(Writer& writer, const DistributionRecord& record) {
    writer.StartObject();
    write_text(writer, "suite", record.suite);
    write_numbers(writer, "parameters", record.parameters);
    write_text(writer, "contender", record.contender);
    write_text(writer, "regime", record.regime);
    writer.Key("count");
    writer.Uint64(record.count);
    writer.Key("points");
    writer.StartArray();
    for (const auto& [part, value] : record.points) {
        writer.StartArray();
        writer.Double(part);
        writer.Double(value);
        writer.EndArray();
    }
    writer.EndArray();
    writer.EndObject();
}

void write_record(Writer& writer, const SkippedRecord& record) {
    writer.StartObject();
    write_text(writer, "suite", record.suite);
    write_text(writer, "contender", record.contender);
    write_text(writer, "reason", record.reason);
    writer.EndObject();
}

void write_record(Writer& writer, const IncompleteRecord& record) {
    writer.StartObject();
    write_text(writer, "group", record.group);
    writer.Key("rounds");
    writer.Int(record.rounds);
    writer.Key("counted");
    writer.Int(record.counted);
    writer.Key("wanted");
    writer.Int(record.wanted);
    writer.EndObject();
}

void write_record(Writer& writer, const ContenderRecord& record) {
    writer.StartObject();
    write_text(writer, "name", record.name);
    write_text(writer, "what", record.what);
    write_text(writer, "lacks", record.lacks);
    writer.EndObject();
}

template <class Record>
void write_records(Writer& writer, const char* key, const std::vector<Record>& records) {
    writer.Key(key);
    writer.StartArray();
    for (const Record& record : records) {
        write_record(writer, record);
    }
    writer.EndArray();
}

}  // namespace

void Results::write(const std::string& path) const {
    std::ofstream file(path);
    rapidjson::OStreamWrapper stream(file);
    Writer writer(stream);
    writer.SetMaxDecimalPlaces(6);
    writer.StartObject();
    writer.Key("machine");
    writer.StartObject();
    for (const auto& [key, value] : machine_) {
        write_text(writer, key.c_str(), value);
    }
    writer.EndObject();
    write_records(writer, "contenders", contenders_);
    write_records(writer, "skipped", skipped_);
    write_records(writer, "incomplete", incomplete_);
    write_records(writer, "distributions", distributions_);
    write_records(writer, "samples", samples_);
    writer.EndObject();
    file << '\n';
    file.flush();
    if (!file) {
        std::fprintf(stderr, "aegis-bench: cannot write %s\n", path.c_str());
        std::exit(1);
    }
}

}  // namespace aegis::bench
