// Processes that train together: sums and copies of tensors over c10d, and waiting for the one that leads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/launch.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Every process must call sum() and broadcast() in the same order with tensors of the same shapes. A process that has
/// died, or has not answered for `timeout_s`, makes them throw InterruptedError: the run can be taken up again.
class ProcessGroup {
 public:
  /// Meets the others at launch.host:port; with one process nothing is opened. Throws InputError where LibTorch was
  /// built without a collective for this device.
  ProcessGroup(const Launch& launch, double timeout_s);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int rank() const { return launch_.rank; }
  int size() const { return launch_.size; }
  bool leads() const { return launch_.rank == 0; }

  /// Replaces every tensor (float32, on default_device()) by its sum over the processes, in buckets of 16 MiB.
  void sum(const std::vector<Tensor>& tensors) const;
  std::vector<double> sum(const std::vector<double>& values) const;
  /// Replaces every tensor (float32) by rank 0's.
  void broadcast(const std::vector<Tensor>& tensors) const;

  /// Rank 0 tells the others a text; they wait for it however long it takes, as long as rank 0 lives.
  void announce(const std::string& name, const std::string& text) const;
  std::string await(const std::string& name) const;

 private:
  struct Link;
  void all_reduce(Tensor& flat) const;
  template <typename Work>
  auto guarded(const Work& work) const;
  Launch launch_;
  std::unique_ptr<Link> link_;
};

/// The sum over all processes of every parameter's gradient. A parameter that got none anywhere keeps none.
void sum_gradients(const std::vector<Tensor>& parameters, const ProcessGroup& group);

}  // namespace bitemark::model
