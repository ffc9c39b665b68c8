// Who spoke when: a lane per speaker on a canvas that can be zoomed and moved, hours of it. What it
// shows is told in words as well (`timeline-text`), and it is a slider for the place in the recording.

import { $, clock, el, initials } from "./dom.js";
import { onTheme } from "./theme.js";
import { UNKNOWN } from "./corrections.js";
import { drawAxis, drawBars, patterns } from "./paint.js";
import { UNSURE_BELOW } from "./rows.js";

const LANE = 30;
const AXIS = 22;
const OVERVIEW = 14;
const NEAREST_S = 2; // what the strongest zoom shows
const STEP_S = 5;

export class Lanes {
  constructor({ onSeek, onSpeaker }) {
    this.canvas = $("#lanes");
    this.overview = $("#overview");
    this.names = $("#lane-names");
    this.onSeek = onSeek;
    this.onSpeaker = onSpeaker;
    this.lanes = [];
    this.duration = 1;
    this.view = { start: 0, end: 1 };
    this.place = 0;
    this.marked = null; // {start, end}: what is selected in the transcript
    this.pointers = new Map();
    this.drawing = false;
    new ResizeObserver(() => this.draw()).observe(this.canvas.parentElement);
    onTheme(() => this.draw());
    this.listen();
  }

  /** Show a result; `fresh`: another recording, shown whole. */
  show(result, speakers, colours, shares, fresh) {
    const turnsOf = new Map(speakers.map((speaker) => [speaker, []]));
    for (const turn of result.turns) {
      turnsOf.get(turn.speaker)?.push({ ...turn, unsure: turn.confidence < UNSURE_BELOW });
    }
    this.lanes = speakers.map((speaker) => ({
      speaker,
      colour: speaker === UNKNOWN ? "unknown" : colours.get(speaker) % 8,
      turns: turnsOf.get(speaker),
    }));
    this.names.replaceChildren(...this.lanes.map((lane) => this.nameOf(lane, shares)));
    this.duration = Math.max(result.duration, 0.1);
    if (fresh) this.view = { start: 0, end: this.duration };
    this.canvas.setAttribute("aria-valuemax", Math.round(this.duration));
    this.draw();
  }

  nameOf({ speaker, colour }, shares) {
    const click = (event) => this.onSpeaker(speaker, event.currentTarget);
    const title = speaker === UNKNOWN ? "Go to the next UNKNOWN turn" : speaker;
    return el(
      "li",
      { "data-colour": colour },
      el(
        "button",
        { type: "button", "aria-haspopup": speaker === UNKNOWN ? null : "menu", title, click },
        el("span", { class: "badge", "aria-hidden": "true" }, initials(speaker)),
        el("span", { class: "name" }, speaker),
        el("span", { class: "share" }, `${Math.round(shares.get(speaker) * 100)}%`),
      ),
    );
  }

  /** The place in the recording; `spoken` is told to those who do not see it. */
  setPlace(seconds, playing, spoken) {
    this.place = seconds;
    const { start, end } = this.view;
    if (playing && this.zoomed && (seconds < start || seconds > end)) this.pan(seconds - start);
    if (spoken !== null) {
      this.canvas.setAttribute("aria-valuenow", Math.round(seconds));
      this.canvas.setAttribute("aria-valuetext", spoken);
    }
    this.draw();
  }

  mark(span) {
    this.marked = span;
    this.draw();
  }

  get zoomed() {
    return this.view.end - this.view.start < this.duration - 1e-6;
  }

  zoom(factor, about = this.place) {
    const { start, end } = this.view;
    const length = Math.min(this.duration, Math.max(NEAREST_S, (end - start) * factor));
    const centre = about >= start && about <= end ? about : (start + end) / 2;
    const share = (centre - start) / (end - start);
    this.moveTo(centre - share * length, length);
  }

  fit() {
    this.moveTo(0, this.duration);
  }

  pan(seconds) {
    this.moveTo(this.view.start + seconds, this.view.end - this.view.start);
  }

  moveTo(start, length) {
    const from = Math.max(0, Math.min(start, this.duration - length));
    this.view = { start: from, end: Math.min(this.duration, from + length) };
    this.draw();
  }

  timeAt(clientX, canvas = this.canvas, view = this.view) {
    const { left, width } = canvas.getBoundingClientRect();
    return view.start + ((clientX - left) / width) * (view.end - view.start);
  }

  // ---------------------------------------------------------------- drawing

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.paint();
    });
  }

  paint() {
    const width = this.canvas.parentElement.clientWidth;
    if (width === 0) return;
    const height = this.lanes.length * LANE + AXIS;
    const pen = sized(this.canvas, width, height);
    const style = getComputedStyle(document.documentElement);
    const x = (t) => ((t - this.view.start) / (this.view.end - this.view.start)) * width;
    if (this.marked) {
      pen.fillStyle = style.getPropertyValue("--accent-wash");
      const left = x(this.marked.start);
      pen.fillRect(left, 0, Math.max(2, x(this.marked.end) - left), height - AXIS);
    }
    const fills = patterns(pen, this.lanes, style);
    this.lanes.forEach((lane, i) => {
      pen.fillStyle = style.getPropertyValue("--line");
      pen.fillRect(0, i * LANE + LANE / 2, width, 1);
      drawBars(pen, lane, fills[i], this.view, x, i * LANE + 6, LANE - 12);
    });
    drawAxis(pen, this.view, x, this.lanes.length * LANE, AXIS, style);
    pen.fillStyle = style.getPropertyValue("--ink");
    pen.fillRect(x(this.place) - 1, 0, 2, height - AXIS + 5);
    this.paintOverview(width, style);
  }

  /** All of the recording, small, and what part of it is shown above. */
  paintOverview(width, style) {
    this.overview.hidden = !this.zoomed;
    if (!this.zoomed) return;
    const pen = sized(this.overview, width, OVERVIEW);
    const x = (t) => (t / this.duration) * width;
    pen.fillStyle = style.getPropertyValue("--sunken");
    pen.fillRect(0, 0, width, OVERVIEW);
    const whole = { start: 0, end: this.duration };
    const grey = style.getPropertyValue("--edge");
    const fill = { sure: grey, unsure: grey, edge: grey };
    for (const lane of this.lanes) drawBars(pen, lane, fill, whole, x, 4, OVERVIEW - 8);
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 2;
    const left = x(this.view.start);
    pen.strokeRect(left + 1, 1, Math.max(6, x(this.view.end) - left - 2), OVERVIEW - 2);
  }

  // ---------------------------------------------------------------- hands

  listen() {
    const { canvas, overview } = this;
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, { x: event.clientX, from: event.clientX });
    });
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerup", (event) => {
      const pointer = this.pointers.get(event.pointerId);
      if (pointer && !pointer.moved && this.pointers.size === 1) this.onSeek(this.timeAt(event.clientX));
      this.pointers.delete(event.pointerId);
    });
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    const jump = (event) => {
      if (event.type === "pointermove" && event.buttons === 0) return;
      const whole = { start: 0, end: this.duration };
      const length = this.view.end - this.view.start;
      this.moveTo(this.timeAt(event.clientX, overview, whole) - length / 2, length);
    };
    overview.addEventListener("pointerdown", jump);
    overview.addEventListener("pointermove", jump);
    $("#zoom-in").addEventListener("click", () => this.zoom(0.5));
    $("#zoom-out").addEventListener("click", () => this.zoom(2));
    $("#zoom-fit").addEventListener("click", () => this.fit());
  }

  /** One finger or the mouse moves the view, two fingers zoom it. */
  onMove(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    const others = [...this.pointers.values()].filter((other) => other !== pointer);
    if (others.length === 1) {
      const before = Math.abs(pointer.x - others[0].x);
      const after = Math.abs(event.clientX - others[0].x);
      pointer.moved = others[0].moved = true;
      if (before > 10 && after > 10) this.zoom(before / after, this.timeAt(others[0].x));
    } else if (Math.abs(event.clientX - pointer.from) > 4 || pointer.moved) {
      pointer.moved = true;
      if (this.zoomed) this.pan(this.timeAt(pointer.x) - this.timeAt(event.clientX));
      else this.onSeek(this.timeAt(event.clientX));
    }
    pointer.x = event.clientX;
  }

  onWheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY / 200), this.timeAt(event.clientX));
    } else if (this.zoomed && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      event.preventDefault();
      const pixels = event.deltaX || event.deltaY;
      this.pan((pixels / this.canvas.clientWidth) * (this.view.end - this.view.start));
    }
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -6, PageUp: 6 };
    const { key } = event;
    if (key in steps) this.onSeek(this.place + steps[key] * STEP_S);
    else if (key === "Home") this.onSeek(0);
    else if (key === "End") this.onSeek(this.duration);
    else if (key === "+" || key === "=") this.zoom(0.5);
    else if (key === "-") this.zoom(2);
    else if (key === "0") this.fit();
    else return;
    event.preventDefault();
  }
}

/** A canvas as large as it is shown, sharp on any screen. */
function sized(canvas, width, height) {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return pen;
}

export const placeText = (seconds, duration, who) =>
  `${clock(seconds)} of ${clock(duration)}, ${who.length ? who.join(" and ") : "nobody"} speaking`;
