// bitemark-model: trains and runs the generator.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <functional>

#include "base/error.h"
#include "base/interrupt.h"
#include "model/commands.h"
#include "model/runtime.h"

namespace {

namespace m = bitemark::model;

/// CLI::Range, which lets through what is no number.
CLI::Validator within(double low, double high) {
  return CLI::Validator(
      [range = CLI::Range(low, high)](std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value) && !std::isnan(value);
        return number ? range(text) : "Value " + text + " is not a number";
      },
      CLI::Range(low, high).get_description());
}

void add_train(CLI::App& app, m::TrainOptions& o) {
  auto* command = app.add_subcommand("train", "Train one part by a recipe; the same command resumes");
  command->add_option("recipe", o.recipe, "Recipe (JSON)")->required();
  command->add_option("--data", o.data, "Folder of shards with index.json; may be repeated")->required();
  command->add_option("--out", o.out, "Run folder")->required();
  command->add_option("--from", o.from, "Checkpoint with the parts that this one builds on; may be repeated");
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->add_option("--time-limit", o.time_limit_min, "Minutes, then save and stop")->check(within(0, 1e9));
  command->add_option("--steps", o.steps, "Instead of the recipe's")->check(CLI::Range(0, 100'000'000));
  command->add_option("--peer-timeout", o.peer_timeout_s, "Seconds to wait for the other processes of torchrun or srun")
      ->check(within(1.0, 86400.0));
  command->footer("Example: bitemark-model train recipes/nano/vae.json --data data/train --out runs/vae");
  command->callback([&o] {
    m::share_one_arena();
    m::train(o);
  });
}

void add_rollout(CLI::App& app, m::RolloutOptions& o) {
  auto* command = app.add_subcommand("rollout", "Answer a request by the generator protocol");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder")->required();
  command->add_option("request", o.request, "Folder with request.json")->required();
  command->add_option("out", o.out, "Folder for the answer; takes already there are kept")->required();
  command->add_option("--threads", o.threads, "Takes at once; 0 = all cores")->check(CLI::Range(0, 1024));
  command->add_option("--steps", o.steps, "Sampling steps a frame")->check(CLI::Range(1, 1000));
  command->add_option("--history-level", o.history_level, "tau of generated history")->check(within(0.0, 1.0));
  command->add_option("--temperature", o.temperature, "Scale of the noise that frames after the first are drawn from")
      ->check(within(0.0, 1.0));
  command->add_option("--guidance", o.guidance, "1 = none")->check(within(0.0, 100.0));
  command->add_option("--memory", o.memory, "Frames of the window that are means of earlier ones")
      ->check(CLI::Range(0, 64));
  command->footer("Example: bitemark-model rollout --checkpoint checkpoints/nano request/ answer/");
  command->callback([&o] { m::rollout(o); });
}

void add_play(CLI::App& app, m::PlayOptions& o) {
  auto* command = app.add_subcommand("play", "Play on from a request's clip; `bitemark play` makes the request");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder, trained with actions")->required();
  command->add_option("request", o.request, "Folder with request.json of one clip")->required();
  command->add_option("out", o.out, "Folder for frames and actions")->required();
  command->add_option("--frames", o.frames, "At most; 0 = until the player ends")->check(CLI::Range(0, 65536));
  command->add_option("--steps", o.steps, "Sampling steps a frame")->check(CLI::Range(1, 1000));
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->callback([&o] { m::play(o); });
}

void add_features(CLI::App& app, m::FeatureOptions& o) {
  auto* command = app.add_subcommand("features", "Features of clips for FVD-sim, or for FVD with an I3D file");
  auto* network = command->add_option_group("network");
  network->add_option("--checkpoint", o.checkpoint, "Checkpoint folder with a feature network");
  network->add_option("--torchscript", o.torchscript, "TorchScript file of a video network; it is run: trust it");
  network->require_option(1);
  command->add_option("--clips", o.clips, "Folder with clips.json and <id>.safetensors")->required();
  command->add_option("--out", o.out, "File to write (safetensors)")->required();
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->callback([&o] { m::features(o); });
}

void add_embed(CLI::App& app, m::EmbedOptions& o) {
  auto* command = app.add_subcommand("embed", "Captions and clips in the space that they share");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder with an image tower")->required();
  command->add_option("--clips", o.clips, "Folder with clips.json and <id>.safetensors")->required();
  command->add_option("--out", o.out, "File to write (safetensors)")->required();
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->callback([&o] { m::embed(o); });
}

void add_evaluate_text(CLI::App& app, m::EvaluateTextOptions& o) {
  auto* command = app.add_subcommand("evaluate-text", "Do captions find their takes, and takes their captions?");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder with an image tower")->required();
  command->add_option("--data", o.data, "Folder of shards with index.json, of takes that no training saw")->required();
  command->add_option("--train", o.train, "The training's data: tells which captions are new");
  command->add_option("--out", o.out, "Write the numbers here (JSON)");
  command->add_option("--takes", o.takes, "The last ones of each scenario")->check(CLI::Range(1, 100000));
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->footer(
      "Example: bitemark dataset --split test --takes 96 --out data/test\n"
      "         bitemark-model evaluate-text --checkpoint checkpoints/nano --data data/test --train data/train");
  command->callback([&o] { m::evaluate_text(o); });
}

void add_evaluate_vae(CLI::App& app, m::EvaluateVaeOptions& o) {
  auto* command = app.add_subcommand("evaluate-vae", "PSNR of reconstructions, by scenario");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder")->required();
  command->add_option("--data", o.data, "Folder of shards with index.json")->required();
  command->add_option("--out", o.out, "Write pairs of true and reconstructed frames here (safetensors)");
  command->add_option("--takes", o.takes, "Windows a scenario")->check(CLI::Range(1, 100000));
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->callback([&o] { m::evaluate_vae(o); });
}

void add_reconstruct(CLI::App& app, m::ReconstructOptions& o) {
  auto* command = app.add_subcommand("reconstruct", "Clips through the VAE, as answers that a suite can judge");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder")->required();
  command->add_option("--clips", o.clips, "Folder of <id>.safetensors, such as a run's clips/oracle")->required();
  command->add_option("--out", o.out, "Folder for <id>/rollout.safetensors")->required();
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->footer(
      "Example: bitemark-model reconstruct --checkpoint checkpoints/nano --clips runs/nightly/clips/oracle --out "
      "runs/vae-answers");
  command->callback([&o] { m::reconstruct(o); });
}

void add_evaluate_dit(CLI::App& app, m::EvaluateDitOptions& o) {
  auto* command = app.add_subcommand("evaluate-dit", "Denoising error on the last takes of a data folder");
  command->add_option("--checkpoint", o.checkpoint, "Checkpoint folder")->required();
  command->add_option("--data", o.data, "Folder of shards with index.json")->required();
  command->add_option("--out", o.out, "Write the errors by take and level here (JSON)");
  command->add_option("--scenario", o.scenario, "This one only");
  command->add_option("--takes", o.takes, "The last ones of each scenario")->check(CLI::Range(1, 100000));
  command->add_option("--window", o.window, "Latents a take")->check(CLI::Range(2, 1024));
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->footer("Example: bitemark-model evaluate-dit --checkpoint checkpoints/nano --data data/test --takes 32");
  command->callback([&o] { m::evaluate_dit(o); });
}

void add_average(CLI::App& app, m::AverageOptions& o) {
  auto* command = app.add_subcommand("average", "The mean of transformers that went on from the same weights");
  command->add_option("checkpoints", o.checkpoints, "Checkpoint folders; what is not averaged is the last one's")
      ->required()
      ->expected(2, 64);
  command->add_option("--out", o.out, "Checkpoint folder to make")->required();
  command->footer("Example: bitemark-model average runs/steady/checkpoint runs/shapes/checkpoint --out runs/nano");
  command->callback([&o] { m::average(o); });
}

void add_import_clip(CLI::App& app, m::ImportClipOptions& o) {
  auto* command = app.add_subcommand("import-clip", "Published CLIP text weights -> a checkpoint for train --from");
  command->add_option("weights", o.weights, "safetensors file, *.index.json or a folder with either")->required();
  command->add_option("--merges", o.merges, "bpe_simple_vocab_16e6.txt.gz or merges.txt")->required();
  command->add_option("--out", o.out, "Checkpoint folder to make")->required();
  command->footer("Example: bitemark-model import-clip clip-vit-b32/ --merges merges.txt --out runs/clip-text");
  command->callback([&o] { m::import_clip(o); });
}

void add_class_dit(CLI::App& app, m::ClassDitOptions& o) {
  auto* command = app.add_subcommand("class-dit", "Latents of pictures from a published class-conditional DiT");
  command->add_option("weights", o.weights, "safetensors file, *.index.json or a folder with either")->required();
  command->add_option("--classes", o.classes, "Labels, such as 207,360")->required()->delimiter(',');
  command->add_option("--out", o.out, "File to write (safetensors)")->required();
  command->add_option("--steps", o.steps, "Sampling steps")->check(CLI::Range(1, 1000));
  command->add_option("--guidance", o.guidance, "1 = none")->check(within(0.0, 100.0));
  command->add_option("--heads", o.heads, "0 = as published for the width")->check(CLI::Range(0, 64));
  command->add_option("--seed", o.seed, "Of the noise");
  command->add_option("--threads", o.threads, "0 = all cores")->check(CLI::Range(0, 1024));
  command->footer(
      "Example: bitemark-model class-dit DiT-XL-2-256x256.safetensors --classes 207,360 --out latents.safetensors");
  command->callback([&o] { m::draw_classes(o); });
}

int finish(bitemark::ExitCode code, const char* kind, const char* what) {
  std::fprintf(stderr, "bitemark-model: %s%s\n", kind, what);
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  using bitemark::ExitCode;
  m::start_well_set_up(argv);
  m::keep_large_blocks();
  bitemark::listen_for_interrupts();
  CLI::App app{"bitemark-model: a latent video diffusion transformer, trained and run", "bitemark-model"};
  app.require_subcommand(1);
  m::TrainOptions train_options;
  m::RolloutOptions rollout_options;
  m::PlayOptions play_options;
  m::FeatureOptions feature_options;
  m::EmbedOptions embed_options;
  m::EvaluateTextOptions text_options;
  m::EvaluateVaeOptions vae_options;
  m::ReconstructOptions reconstruct_options;
  m::EvaluateDitOptions dit_options;
  m::AverageOptions average_options;
  m::ImportClipOptions clip_options;
  m::ClassDitOptions class_options;
  std::filesystem::path checkpoint;
  add_train(app, train_options);
  add_rollout(app, rollout_options);
  add_play(app, play_options);
  add_features(app, feature_options);
  add_embed(app, embed_options);
  add_evaluate_text(app, text_options);
  add_evaluate_vae(app, vae_options);
  add_reconstruct(app, reconstruct_options);
  add_evaluate_dit(app, dit_options);
  add_average(app, average_options);
  add_import_clip(app, clip_options);
  add_class_dit(app, class_options);
  auto* about = app.add_subcommand("info", "What a checkpoint holds; checks every weight");
  about->add_option("--checkpoint", checkpoint, "Checkpoint folder")->required();
  about->callback([&] { m::info(checkpoint); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kBadInput);
  } catch (const bitemark::InputError& error) {
    return finish(ExitCode::kBadInput, "", error.what());
  } catch (const bitemark::InterruptedError& error) {
    return finish(ExitCode::kInterrupted, "", error.what());
  } catch (const std::exception& error) {
    return finish(ExitCode::kInternal, "internal error: ", error.what());
  }
  return 0;
}
