#include "model/process_group.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/interrupt.h"
#include "model/collective_compat.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kBucket = 4 << 20;  // numbers

std::string first_line(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

/// Runs of tensors of at most kBucket numbers together; a larger tensor is a run of its own.
std::vector<std::vector<Tensor>> buckets(const std::vector<Tensor>& tensors) {
  std::vector<std::vector<Tensor>> runs;
  std::int64_t room = 0;
  for (const auto& tensor : tensors) {
    if (runs.empty() || tensor.numel() > room) {
      runs.emplace_back();
      room = kBucket;
    }
    runs.back().push_back(tensor);
    room -= tensor.numel();
  }
  return runs;
}

Tensor flattened(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> flat;
  for (const auto& tensor : tensors) flat.push_back(tensor.detach().reshape({-1}));
  return at::cat(flat);
}

void scatter(const Tensor& flat, const std::vector<Tensor>& tensors) {
  std::int64_t start = 0;
  for (const auto& tensor : tensors) {
    tensor.detach().copy_(flat.slice(0, start, start + tensor.numel()).view(tensor.sizes()));
    start += tensor.numel();
  }
}

#ifdef BITEMARK_GLOO
std::shared_ptr<::gloo::transport::Device> gloo_device(const std::string& host) {
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME"); interface != nullptr)
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  // All processes are on this machine, whatever its name resolves to.
  if (host == "localhost" || host.starts_with("127.")) return c10d::ProcessGroupGloo::createDeviceForHostname(host);
  return c10d::ProcessGroupGloo::createDefaultDevice();
}
#endif

}  // namespace

struct ProcessGroup::Link {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<Collective> all;
  torch::Device device{torch::kCPU};  ///< that the collective works on
};

template <typename Work>
auto ProcessGroup::guarded(const Work& work) const {
  try {
    return work();
  } catch (const InterruptedError&) {
    throw;
  } catch (const std::exception& error) {
    throw InterruptedError(
        fmt::format("process {} of {} has lost the others ({}); start the same command again to go on "
                    "from the last saved state",
                    launch_.rank, launch_.size, first_line(error)));
  }
}

ProcessGroup::ProcessGroup(const Launch& launch, double timeout_s) : launch_(launch) {
  if (launch.size == 1) return;
  link_ = std::make_unique<Link>();
  const auto timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s * 1000));
  try {
    c10d::TCPStoreOptions options = store_options();
    options.port = launch.port;
    options.isServer = launch.hosts_store && launch.rank == 0;
    options.numWorkers = static_cast<std::size_t>(launch.size);
    options.waitWorkers = launch.hosts_store;
    options.timeout = timeout;
    link_->store = c10::make_intrusive<c10d::TCPStore>(launch.host, options);
    if (!launch.store_prefix.empty())
      link_->store = c10::make_intrusive<c10d::PrefixStore>(launch.store_prefix, link_->store);
#ifdef BITEMARK_NCCL
    if (!default_device().is_cpu()) {
      auto nccl = c10d::ProcessGroupNCCL::Options::create();
      nccl->timeout = timeout;
      link_->all = c10::make_intrusive<c10d::ProcessGroupNCCL>(link_->store, launch.rank, launch.size, nccl);
      link_->device = default_device();
    }
#endif
#ifdef BITEMARK_GLOO
    if (!link_->all) {
      auto gloo = c10d::ProcessGroupGloo::Options::create(timeout);
      gloo->devices.push_back(gloo_device(launch.host));
      gloo->threads = 2;
      link_->all = c10::make_intrusive<c10d::ProcessGroupGloo>(link_->store, launch.rank, launch.size, gloo);
    }
#endif
  } catch (const std::exception& error) {
    throw InterruptedError(fmt::format("process {} of {} did not meet the others at {}:{} ({})", launch.rank,
                                       launch.size, launch.host, launch.port, first_line(error)));
  }
  if (!link_->all)
    throw InputError("the environment", "WORLD_SIZE",
                     fmt::format("is {}, but this program was built without {}; expected 1", launch.size,
                                 default_device().is_cpu() ? "Gloo, by which CPUs meet"
                                                           : "NCCL and Gloo, by which accelerators meet"));
}

ProcessGroup::~ProcessGroup() = default;

void ProcessGroup::all_reduce(Tensor& flat) const {
  std::vector<Tensor> one{flat.to(link_->device)};
  link_->all->allreduce(one)->wait();
  flat = one.front().to(flat.device());
}

void ProcessGroup::sum(const std::vector<Tensor>& tensors) const {
  if (size() == 1) return;
  const torch::NoGradGuard no_grad;
  guarded([&] {
    for (const auto& run : buckets(tensors)) {
      Tensor flat = flattened(run);
      all_reduce(flat);
      scatter(flat, run);
    }
  });
}

std::vector<double> ProcessGroup::sum(const std::vector<double>& values) const {
  if (size() == 1) return values;
  return guarded([&] {
    Tensor flat = at::tensor(at::ArrayRef<double>(values)).to(at::kDouble);
    all_reduce(flat);
    return std::vector<double>(flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
  });
}

void ProcessGroup::broadcast(const std::vector<Tensor>& tensors) const {
  if (size() == 1) return;
  const torch::NoGradGuard no_grad;
  guarded([&] {
    for (const auto& run : buckets(tensors)) {
      std::vector<Tensor> flat{flattened(run).to(link_->device)};
      link_->all->broadcast(flat)->wait();
      scatter(flat.front(), run);
    }
  });
}

void ProcessGroup::announce(const std::string& name, const std::string& text) const {
  if (size() == 1) return;
  guarded([&] { link_->store->set("bitemark/" + name, std::vector<std::uint8_t>(text.begin(), text.end())); });
}

std::string ProcessGroup::await(const std::string& name) const {
  return guarded([&] {
    const std::string key = "bitemark/" + name;
    while (!link_->store->check({key})) {
      stop_if_interrupted();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const std::vector<std::uint8_t> bytes = link_->store->get(key);
    return std::string(bytes.begin(), bytes.end());
  });
}

void sum_gradients(const std::vector<Tensor>& parameters, const ProcessGroup& group) {
  if (group.size() == 1) return;
  std::vector<double> given;
  for (const auto& parameter : parameters) given.push_back(parameter.grad().defined() ? 1 : 0);
  given = group.sum(given);
  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (given[i] == 0) continue;
    if (!parameters[i].grad().defined()) parameters[i].mutable_grad() = at::zeros_like(parameters[i]);
    gradients.push_back(parameters[i].grad());
  }
  group.sum(gradients);
}

}  // namespace bitemark::model
