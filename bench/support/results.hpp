// Everything a run measured, raw, as one JSON file: the page, the ratios and the regression check are made from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace aegis::bench {

struct SampleRecord {
    std::string suite;
    std::map<std::string, double> parameters;
    std::string contender;
    int round = 0;
    double transfer_ns = 0;
    double step_ns = 0;
    std::string regime;
    bool accepted = false;
    std::string reason;  // why not
    std::map<std::string, double> values;
};

struct SkippedRecord {
    std::string suite;
    std::string contender;
    std::string reason;
};

// A group that the machine disturbed too often.
struct IncompleteRecord {
    std::string group;
    int rounds = 0;   // taken
    int counted = 0;  // samples of the contender that has fewest
    int wanted = 0;
};

// Values of all counted samples of one contender together.
struct DistributionRecord {
    std::string suite;
    std::map<std::string, double> parameters;
    std::string contender;
    std::string regime;
    std::uint64_t count = 0;
    std::map<double, double> points;  // nanoseconds by part of all values, 0 to 1
};

// What a contender is, for the page.
struct ContenderRecord {
    std::string name;
    std::string what;
    std::string lacks;
};

class Results {
  public:
    void add_sample(SampleRecord record) { samples_.push_back(std::move(record)); }
    void add_skipped(std::string suite, std::string contender, std::string reason) {
        skipped_.push_back({std::move(suite), std::move(contender), std::move(reason)});
    }
    void add_incomplete(IncompleteRecord record) { incomplete_.push_back(std::move(record)); }
    void add_contender(ContenderRecord record) { contenders_.push_back(std::move(record)); }
    void add_distribution(DistributionRecord record) { distributions_.push_back(std::move(record)); }
    void set_machine(std::string key, std::string value) { machine_[std::move(key)] = std::move(value); }

    // Exits with a message when the file cannot be written.
    void write(const std::string& path) const;

  private:
    std::map<std::string, std::string> machine_;
    std::vector<ContenderRecord> contenders_;
    std::vector<SampleRecord> samples_;
    std::vector<DistributionRecord> distributions_;
    std::vector<SkippedRecord> skipped_;
    std::vector<IncompleteRecord> incomplete_;
};

}  // namespace aegis::bench
