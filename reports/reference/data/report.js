// The scrubber: truth, rollout and their difference in step, from one film strip a take. The page reads without it.
"use strict";

const SCALE = 3;

/** One row of the strip as a picture whose frame can be chosen. */
function makeView(player, title, row) {
  const { strip } = player;
  const figure = document.createElement("figure");
  figure.className = "view";
  const picture = document.createElement("div");
  picture.className = "picture";
  const width = player.width * SCALE;
  const height = player.height * SCALE;
  picture.style.width = `${width}px`;
  picture.style.height = `${height}px`;
  picture.style.boxSizing = "content-box";
  picture.style.backgroundImage = `url("${strip}")`;
  picture.style.backgroundSize = `${player.frames * width}px ${2 * height}px`;
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(picture, caption);
  return { figure, show: (t) => { picture.style.backgroundPosition = `${-t * width}px ${-row * height}px`; } };
}

/** |truth - rollout| of the chosen frame, drawn by the browser's own blending. */
function makeDifference(player) {
  const view = makeView(player, "difference", 0);
  const picture = view.figure.firstChild;
  const width = player.width * SCALE;
  const height = player.height * SCALE;
  picture.style.backgroundImage = `url("${player.strip}"), url("${player.strip}")`;
  picture.style.backgroundBlendMode = "difference";
  view.show = (t) => { picture.style.backgroundPosition = `${-t * width}px 0px, ${-t * width}px ${-height}px`; };
  return view;
}

function makeButton(label, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", action);
  return button;
}

function enhance(element) {
  const data = element.dataset;
  const player = { strip: data.strip, frames: +data.frames, width: +data.width, height: +data.height, fps: +data.fps, context: +data.context, first: +data.first };
  const views = [makeView(player, "truth", 0), makeView(player, "rollout", 1), makeDifference(player)];
  const row = document.createElement("div");
  row.className = "views";
  row.append(...views.map((view) => view.figure));

  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = player.frames - 1;
  slider.setAttribute("aria-label", "frame");
  const label = document.createElement("output");
  let timer = 0;

  const show = (t) => {
    slider.value = t;
    views.forEach((view) => view.show(t));
    const wrong = player.first >= 0 && t >= player.first;
    views[1].figure.classList.toggle("wrong-now", wrong);
    const part = t < player.context ? "context" : wrong ? (t === player.first ? "first wrong frame" : "wrong") : "rollout";
    label.textContent = `frame ${t}  ${(t / player.fps).toFixed(2)} s  ${part}`;
    slider.setAttribute("aria-valuetext", label.textContent);
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
  const play = makeButton("Play", () => {
    if (timer) return stop();
    play.textContent = "Stop";
    timer = setInterval(() => show((+slider.value + 1) % player.frames), 1000 / player.fps);
  });
  slider.addEventListener("input", () => { stop(); show(+slider.value); });

  const controls = document.createElement("div");
  controls.className = "controls";
  controls.append(play, slider, label);
  if (player.first >= 0) controls.append(makeButton("First wrong frame", () => { stop(); show(player.first); slider.focus(); }));
  element.replaceChildren(row, controls);
  show(player.first >= 0 ? player.first : Math.min(player.context, player.frames - 1));
}

document.querySelectorAll(".player").forEach(enhance);
