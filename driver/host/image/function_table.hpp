// .pdata: which function of an image an address belongs to, and what that function's prologue does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver/host/image/pe_file.hpp"
#include "driver/host/image/unwind_info.hpp"

namespace aegis::host {

struct ImageFunction {
    std::uint32_t begin_rva = 0;
    std::uint32_t end_rva = 0;
    UnwindInfo unwind;
};

struct FunctionTableResult;

class FunctionTable {
  public:
    // Reads and checks the whole table. NT searches it by halves, so a row out of its place is one that NT does not
    // find, and an error here.
    static FunctionTableResult read(std::span<const std::byte> image, const PeDirectory& directory);

    // The function that `rva` lies in; null when it lies in none.
    const ImageFunction* find(std::uint32_t rva) const;

    const std::vector<ImageFunction>& functions() const { return functions_; }

  private:
    std::vector<ImageFunction> functions_;  // sorted by address
};

struct FunctionTableResult {
    std::optional<FunctionTable> table;
    std::string error;  // why there is none
};

}  // namespace aegis::host
