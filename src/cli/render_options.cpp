#include "base/parallel.h"
#include "cli/command.h"

namespace bitemark::cli {

RenderOptions render_options(const std::string& size, const std::string& fps) {
  const FrameSize frame = parse_size(size);
  RenderOptions options;
  options.width = frame.width;
  options.height = frame.height;
  options.rate = parse_rate(fps);
  options.threads = default_threads();
  return options;
}

}  // namespace bitemark::cli
