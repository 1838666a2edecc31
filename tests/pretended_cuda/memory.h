// Memory of the pretended device: pages of this process that nobody may touch unless an operation of the device has
// opened them, so that a host that reads or writes a tensor of the device falls over, as it does with CUDA.
#pragma once

#include <c10/core/Allocator.h>

#include <vector>

namespace bitemark::pretended {

c10::Allocator& device_memory();

/// Opens the blocks that begin at the given addresses (nullptr: none) as long as it lives. Operations of several
/// threads may have one block open.
class Opened {
 public:
  explicit Opened(std::vector<void*> blocks);
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  std::vector<void*> blocks_;
};

}  // namespace bitemark::pretended
