// How turns are drawn. Unsure ones are hatched, unknown ones outlined and crossed: colour is never
// the only sign.

const HATCH = 7;

/** For each lane {sure, unsure, edge}. */
export function patterns(pen, lanes, style) {
  return lanes.map(({ colour }) => {
    const unknown = colour === "unknown";
    const edge = style.getPropertyValue(unknown ? "--unknown" : `--s${colour}`).trim();
    const ground = style.getPropertyValue("--surface").trim();
    const hatched = hatch(pen, edge, ground, unknown);
    return { sure: unknown ? hatched : edge, unsure: hatched, edge };
  });
}

function hatch(pen, ink, ground, crossed) {
  const scale = devicePixelRatio || 1;
  const tile = new OffscreenCanvas(HATCH * scale, HATCH * scale);
  const own = tile.getContext("2d");
  own.scale(scale, scale);
  own.fillStyle = ground;
  own.fillRect(0, 0, HATCH, HATCH);
  own.strokeStyle = ink;
  own.lineWidth = crossed ? 1 : 2;
  for (const shift of [-HATCH, 0, HATCH]) {
    line(own, shift, HATCH, shift + HATCH, 0);
    if (crossed) line(own, shift, 0, shift + HATCH, HATCH);
  }
  const pattern = pen.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern;
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

/** The turns of a lane within the view. Of those closer than a pixel only one is drawn. */
export function drawBars(pen, lane, fill, view, x, top, height) {
  const { turns } = lane;
  let drawn = -1;
  for (let i = firstEndingAfter(turns, view.start); i < turns.length; i += 1) {
    const { start, end, unsure } = turns[i];
    if (start > view.end) break;
    const left = Math.max(x(start), -4);
    const right = Math.min(x(end), x(view.end) + 4);
    if (right <= drawn) continue;
    const width = Math.max(right - left, 1);
    drawn = left + width;
    pen.fillStyle = width < HATCH ? fill.edge : unsure ? fill.unsure : fill.sure;
    pen.beginPath();
    pen.roundRect(left, top, width, height, Math.min(4, width / 2, height / 2));
    pen.fill();
    if (typeof pen.fillStyle !== "string") {
      pen.strokeStyle = fill.edge;
      pen.lineWidth = 1.5;
      pen.stroke();
    }
  }
}

/** Turns of one speaker never overlap, so their ends are sorted as well. */
function firstEndingAfter(turns, seconds) {
  let [low, high] = [0, turns.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (turns[middle].end <= seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

const TICKS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

export function drawAxis(pen, view, x, top, height, style) {
  const room = 72;
  const width = x(view.end);
  const wanted = ((view.end - view.start) / width) * room;
  const step = TICKS_S.find((tick) => tick >= wanted) ?? 14400;
  pen.font = `12px ${style.fontFamily}`;
  pen.textBaseline = "middle";
  for (let n = Math.ceil(view.start / step); n * step <= view.end; n += 1) {
    const at = x(n * step);
    pen.fillStyle = style.getPropertyValue("--edge");
    pen.fillRect(at, top, 1, 5);
    pen.fillStyle = style.getPropertyValue("--soft");
    const text = tickText(n * step, step);
    const wide = pen.measureText(text).width;
    pen.fillText(text, Math.max(0, Math.min(at - wide / 2, width - wide)), top + height / 2 + 3);
  }
}

function tickText(seconds, step) {
  const two = (n) => String(n).padStart(2, "0");
  const tenths = step < 1 ? `.${Math.round((seconds % 1) * 10)}` : "";
  const whole = Math.floor(seconds);
  const minutes = Math.floor(whole / 60);
  const end = two(whole % 60) + tenths;
  return minutes < 60 ? `${minutes}:${end}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${end}`;
}
