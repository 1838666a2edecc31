// train belongs to bitemark-model, the program that links LibTorch: it takes over this process, as git's external
// commands do.
#include <unistd.h>

#include "base/subprocess.h"
#include "cli/command.h"

namespace bitemark::cli {

Action configure_train(CLI::App& app) {
  app.prefix_command();  // everything behind the verb is the other program's
  app.set_help_flag();
  return [&app]() -> ExitCode {
    std::vector<std::string> words{find_program("bitemark-model").string(), "train"};
    for (const auto& word : app.remaining()) words.push_back(word);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    throw InputError(argv[0], "", "cannot be started");
  };
}

}  // namespace bitemark::cli
