#include "sim/voxel/overlay.h"

#include <algorithm>

#include "sim/palette.h"
#include "sim/voxel/block_texture.h"

namespace bitemark::sim {
namespace {

struct Rect {
  int left, top, width, height;
};

/// Whole pixels, from the size of the image.
struct Layout {
  int width, height;
  int slot, border, margin;  // side of a slot, its frame, distance from the image's lower edge

  Layout(int w, int h) : width(w), height(h) {
    const int side = std::min(w, h);
    slot = std::clamp((7 * side + 50) / 100, 1, std::max(1, (w - 2) / kHotbarSlots));
    slot = std::max(slot, std::min(5, (w - 2) / kHotbarSlots));
    border = std::max(1, slot / 14);
    margin = std::max(1, side / 64);
  }
  Rect hotbar() const {
    const int across = kHotbarSlots * slot + 2 * border;
    return {(width - across) / 2, height - margin - slot - 2 * border, across, slot + 2 * border};
  }
  Rect slot_at(int index) const {
    const Rect bar = hotbar();
    return {bar.left + border + index * slot, bar.top + border, slot, slot};
  }
  /// A cross in the middle of the image, in three parts that do not overlap.
  std::array<Rect, 3> crosshair() const {
    const int side = std::min(width, height), thick = std::max(1, side / 128), reach = std::max(2, side / 48);
    const int x = (width - thick) / 2, y = (height - thick) / 2;
    return {Rect{x - reach, y, thick + 2 * reach, thick}, Rect{x, y - reach, thick, reach},
            Rect{x, y + thick, thick, reach}};
  }
};

class Painter {
 public:
  explicit Painter(Frame& frame) : frame_(frame) {}
  void fill(const Rect& r, const Rgb8& color) {
    for (int y = std::max(0, r.top); y < std::min(frame_.height, r.top + r.height); ++y) {
      for (int x = std::max(0, r.left); x < std::min(frame_.width, r.left + r.width); ++x) put(x, y, color);
    }
  }
  /// White before dark things, dark before bright ones.
  void contrast(const Rect& r) {
    for (int y = std::max(0, r.top); y < std::min(frame_.height, r.top + r.height); ++y) {
      for (int x = std::max(0, r.left); x < std::min(frame_.width, r.left + r.width); ++x) {
        const std::uint8_t* behind = frame_.at(x, y);
        put(x, y, behind[0] + behind[1] + behind[2] > 480 ? Rgb8{40, 40, 44} : Rgb8{240, 240, 240});
      }
    }
  }
  void put(int x, int y, const Rgb8& color) { std::copy(color.begin(), color.end(), frame_.at(x, y)); }

 private:
  Frame& frame_;
};

Rect inset(const Rect& r, int by) { return {r.left + by, r.top + by, r.width - 2 * by, r.height - 2 * by}; }

Rgb8 to_rgb8(V3 linear) { return {to_srgb8(linear.x), to_srgb8(linear.y), to_srgb8(linear.z)}; }

/// A block seen from the front and a little from above.
void draw_icon(Painter& painter, const Rect& r, const BlockKind& kind) {
  const int top = (3 * r.height) / 10;
  for (int y = 0; y < r.height; ++y) {
    for (int x = 0; x < r.width; ++x) {
      const bool upper = y < top;
      const int row = upper ? y * kTexels / std::max(1, top) : (y - top) * kTexels / std::max(1, r.height - top);
      const V3 texel = kind.tint * texel_of(upper ? kind.top : kind.side, x * kTexels / r.width, row);
      painter.put(r.left + x, r.top + y, to_rgb8((upper ? 1.15F : 0.75F) * texel));
    }
  }
}

/// Digits of 3 x 5 pixels, a row of 3 bits at a time from the top.
constexpr std::uint16_t kDigits[10] = {075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717};

void draw_number(Painter& painter, int right, int bottom, int number, int pixel) {
  for (int x = right - 3 * pixel; number > 0; number /= 10, x -= 4 * pixel) {
    for (int bit = 0; bit < 15; ++bit) {
      if ((kDigits[number % 10] >> (14 - bit) & 1) == 0) continue;
      painter.fill({x + bit % 3 * pixel, bottom - (5 - bit / 3) * pixel, pixel, pixel}, {255, 255, 255});
    }
  }
}

void draw_slot(Painter& painter, const Layout& layout, int index, const VoxelView& view, const BlockKinds& kinds) {
  const Rect slot = layout.slot_at(index);
  painter.fill(slot, {44, 44, 46});
  painter.fill(inset(slot, layout.border), {112, 112, 116});
  const HotbarSlot& held = view.hotbar[static_cast<std::size_t>(index)];
  if (held.count > 0) {
    const Rect icon = inset(slot, layout.slot >= 10 ? 3 * layout.border : layout.border);
    draw_icon(painter, icon, kinds[held.kind]);
    const int pixel = std::max(1, layout.slot / 18);
    if (layout.slot >= 14 && held.count > 1) {
      draw_number(painter, slot.left + slot.width - layout.border, slot.top + slot.height - layout.border, held.count,
                  pixel);
    }
  }
  if (index != view.selected) return;
  const int b = layout.border;
  for (const Rect& side : {Rect{slot.left - b, slot.top - b, slot.width + 2 * b, 2 * b},
                           Rect{slot.left - b, slot.top + slot.height - b, slot.width + 2 * b, 2 * b},
                           Rect{slot.left - b, slot.top - b, 2 * b, slot.height + 2 * b},
                           Rect{slot.left + slot.width - b, slot.top - b, 2 * b, slot.height + 2 * b}}) {
    painter.fill(side, {250, 250, 250});
  }
}

}  // namespace

void draw_overlay(const VoxelView& view, const BlockKinds& kinds, Frame& frame) {
  const Layout layout(frame.width, frame.height);
  Painter painter(frame);
  for (const Rect& part : layout.crosshair()) painter.contrast(part);
  painter.fill(layout.hotbar(), {28, 28, 30});
  // The chosen slot's frame lies over its neighbours.
  for (int slot = 0; slot < kHotbarSlots; ++slot) {
    if (slot != view.selected) draw_slot(painter, layout, slot, view, kinds);
  }
  draw_slot(painter, layout, view.selected, view, kinds);
}

std::vector<std::uint8_t> overlay_mask(int width, int height) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  const Layout layout(width, height);
  const auto cross = layout.crosshair();
  for (const Rect& r : {cross[0], cross[1], cross[2], layout.hotbar()}) {
    for (int y = std::max(0, r.top); y < std::min(height, r.top + r.height); ++y) {
      for (int x = std::max(0, r.left); x < std::min(width, r.left + r.width); ++x) {
        mask[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] = 1;
      }
    }
  }
  return mask;
}

void label_overlay(const VoxelSpec& spec, LabelImage& labels) {
  const std::vector<std::uint8_t> mask = overlay_mask(labels.width, labels.height);
  const auto overlay = static_cast<std::size_t>(spec.overlay_body);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == 0) continue;
    if (labels.owner[i] >= 0) --labels.visible[static_cast<std::size_t>(labels.owner[i])];
    labels.owner[i] = static_cast<std::int16_t>(spec.overlay_body);
    labels.depth[i] = 0;
    ++labels.visible[overlay];
    ++labels.full[overlay];
  }
}

}  // namespace bitemark::sim
