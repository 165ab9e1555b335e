// User addresses inside this Linux process: a second mapping of the driver's memory. For tests that play the client.
#pragma once

#include "driver/host/executive/memory/address_space.hpp"

namespace aegis::host {

class LocalAddressSpace final : public AddressSpace {
  public:
    // Maps at most `limit` ranges at a time; one more finds no room.
    explicit LocalAddressSpace(std::uint32_t limit = UINT32_MAX) : room_(limit) {}

    std::optional<std::uint64_t> map(const MappingRequest& request) override;
    void unmap(std::uint64_t address, std::uint64_t bytes) override;

  private:
    std::uint32_t room_;
};

}  // namespace aegis::host
