#include "pretended_cuda/memory.h"

#include <sys/mman.h>
#include <torch/version.h>

#include <mutex>
#include <unordered_map>

namespace bitemark::pretended {
namespace {

struct Block {
  std::size_t bytes = 0;
  int open = 0;  ///< operations that have it open
};

struct Blocks {
  std::mutex mutex;
  std::unordered_map<void*, Block> by_address;
};

/// Never destroyed: tensors in static variables are freed later than this file's.
Blocks& blocks() {
  static auto* all = new Blocks;
  return *all;
}

void release(void* address) {
  if (address == nullptr) return;
  const std::lock_guard lock(blocks().mutex);
  const auto block = blocks().by_address.find(address);
  munmap(address, block->second.bytes);
  blocks().by_address.erase(block);
}

class DeviceMemory : public c10::Allocator {
 public:
#if TORCH_VERSION_MAJOR >= 2
  c10::DataPtr allocate(std::size_t bytes) override { return allocated(bytes); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
#else
  c10::DataPtr allocate(std::size_t bytes) const override { return allocated(bytes); }
#endif
  c10::DeleterFnPtr raw_deleter() const override { return &release; }

 private:
  static c10::DataPtr allocated(std::size_t bytes) {
    const c10::Device device(c10::kCUDA, 0);
    if (bytes == 0) return {nullptr, nullptr, &release, device};
    void* address = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TORCH_CHECK(address != MAP_FAILED, "the pretended device has no ", bytes, " bytes left");
    const std::lock_guard lock(blocks().mutex);
    blocks().by_address[address] = {bytes, 0};
    return {address, address, &release, device};
  }
};

/// `by` = 1 opens, -1 closes; pages change when the first comes and when the last goes.
void change(const std::vector<void*>& addresses, int by) {
  const std::lock_guard lock(blocks().mutex);
  for (void* address : addresses) {
    if (address == nullptr) continue;
    Block& block = blocks().by_address.at(address);
    block.open += by;
    if (by > 0 && block.open == 1) mprotect(address, block.bytes, PROT_READ | PROT_WRITE);
    if (by < 0 && block.open == 0) mprotect(address, block.bytes, PROT_NONE);
  }
}

}  // namespace

c10::Allocator& device_memory() {
  static auto* memory = new DeviceMemory;
  return *memory;
}

Opened::Opened(std::vector<void*> blocks) : blocks_(std::move(blocks)) { change(blocks_, 1); }
Opened::~Opened() { change(blocks_, -1); }

}  // namespace bitemark::pretended
