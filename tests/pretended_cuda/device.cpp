// What LibTorch asks about a device besides operations: that there is one, its memory, its streams (all work is done
// when it is ordered, so there is nothing to wait for).
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/version.h>

#include "pretended_cuda/memory.h"

namespace bitemark::pretended {
namespace {

const c10::Device kDevice(c10::kCUDA, 0);

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Stream getDefaultStream(c10::Device) const override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
};

#if TORCH_VERSION_MAJOR >= 2
using Index = c10::DeviceIndex;
#else
using Index = std::int64_t;
#endif

struct CUDAHooks : at::CUDAHooksInterface {  // LibTorch asks for it by this name
  explicit CUDAHooks(at::CUDAHooksArgs) {}
#if TORCH_VERSION_MAJOR >= 2
  void init() const override {}
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return generator(); }
#else
  void initCUDA() const override {}
  const at::Generator& getDefaultCUDAGenerator(c10::DeviceIndex) const override { return generator(); }
#endif
  bool hasCUDA() const override { return true; }
  bool hasPrimaryContext(Index) const override { return true; }
  Index current_device() const override { return 0; }
  int getNumGPUs() const override { return 1; }
  at::Allocator* getCUDADeviceAllocator() const override { return &device_memory(); }
  void deviceSynchronize(Index) const override {}

 private:
  static const at::Generator& generator() {
    static auto* of_the_device = new at::Generator(at::detail::createCPUGenerator());
    return *of_the_device;
  }
};

const bool kRegistered = [] {
  c10::SetAllocator(c10::kCUDA, &device_memory());
  return true;
}();

}  // namespace

C10_REGISTER_GUARD_IMPL(CUDA, Guard);

}  // namespace bitemark::pretended

namespace at {
using bitemark::pretended::CUDAHooks;
REGISTER_CUDA_HOOKS(CUDAHooks);
}  // namespace at
