// The rows, the words selected among them, and the word that is heard. Places are [row, word].

import { rowsOf, Row } from "./rows.js";
import { UNKNOWN } from "./corrections.js";
import { isTyping } from "./dom.js";

const NEAR = "800px";
const HANDS_OFF_S = 4; // how long somebody who scrolls is left alone

export class Transcript extends EventTarget {
  /** Fires "select" (`selection` has changed). `on`: play(seconds), speaker(row, button). */
  constructor(list, on) {
    super();
    this.list = list;
    this.on = on;
    this.rows = [];
    this.rowOfItem = new WeakMap();
    this.selection = null; // {anchor, focus}: places
    this.heard = null; // the element of the word that is heard
    this.heardRow = null;
    this.scrolledAt = -Infinity;
    this.near = new IntersectionObserver((entries) => this.openNear(entries), { rootMargin: NEAR });
    list.addEventListener("click", (event) => this.onClick(event));
    list.addEventListener("keydown", (event) => this.onKey(event));
    list.addEventListener("pointerup", () => setTimeout(() => this.takeNativeSelection()));
    for (const type of ["wheel", "touchmove"]) {
      addEventListener(type, () => (this.scrolledAt = performance.now() / 1000), { passive: true });
    }
  }

  // ---------------------------------------------------------------- rows

  /** Show a result. Rows that stayed as they were stay on the page. */
  show(result, colours) {
    this.language = result.language;
    this.hasWords = result.utterances.length > 0;
    const wanted = rowsOf(result);
    const old = this.rows;
    const same = (i, j) => old[i]?.utterance === wanted[j];
    let head = 0;
    while (head < wanted.length && same(head, head)) head += 1;
    let tail = 0;
    const most = Math.min(old.length, wanted.length) - head;
    while (tail < most && same(old.length - 1 - tail, wanted.length - 1 - tail)) tail += 1;
    for (const row of old.slice(head, old.length - tail)) this.discard(row);
    const made = wanted.slice(head, wanted.length - tail).map((utterance) => this.make(utterance));
    const before = old[old.length - tail]?.item ?? null;
    const fragment = document.createDocumentFragment();
    fragment.append(...made.map((row) => row.item));
    this.list.insertBefore(fragment, before);
    this.rows = [...old.slice(0, head), ...made, ...old.slice(old.length - tail)];
    for (const row of made) this.near.observe(row.item);
    for (const row of this.rows) {
      const { speaker } = row.utterance;
      row.setColour(speaker === UNKNOWN ? "unknown" : colours.get(speaker) % 8);
    }
    this.starts = this.rows.map((row) => row.utterance.start);
    this.select(null);
    this.ensureTabStop();
  }

  make(utterance) {
    const row = new Row(utterance, this.hasWords);
    this.rowOfItem.set(row.item, row);
    return row;
  }

  discard(row) {
    this.near.unobserve(row.item);
    row.item.remove();
    if (this.heardRow === row) this.heard = this.heardRow = null;
  }

  openNear(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.rowOfItem.get(target);
      if (isIntersecting) this.open(row);
      else if (row !== this.heardRow) row.close();
    }
    this.paint();
    this.ensureTabStop();
  }

  open(row) {
    return row.open(this.language);
  }

  /** Tab reaches one word: the selected one, or the first that is near. */
  ensureTabStop() {
    const stop = this.list.querySelector("[data-w][tabindex='0']");
    if (stop === null) this.rows.find((row) => row.words)?.words[0]?.setAttribute("tabindex", "0");
  }

  // ---------------------------------------------------------------- places

  wordAt([u, w]) {
    return this.rows[u].utterance.words[w];
  }

  placeOf(element) {
    const item = element.closest(".row");
    const u = this.rows.findIndex((row) => row.item === item);
    return [u, Number(element.dataset.w)];
  }

  /** The place of a word that starts at `seconds`, after rows have changed. */
  find(seconds, text) {
    for (let u = 0; u < this.rows.length; u += 1) {
      const { words } = this.rows[u].utterance;
      const w = words.findIndex((word) => word.start === seconds && word.text === text);
      if (w >= 0) return [u, w];
    }
    return null;
  }

  /** First and last place of the selection, in order. */
  get range() {
    if (this.selection === null) return null;
    const { anchor, focus } = this.selection;
    return before(anchor, focus) ? [anchor, focus] : [focus, anchor];
  }

  get selectedText() {
    const [first, last] = this.range;
    const parts = [];
    for (let u = first[0]; u <= last[0]; u += 1) {
      const { words } = this.rows[u].utterance;
      const [from, to] = [u === first[0] ? first[1] : 0, u === last[0] ? last[1] : words.length - 1];
      parts.push(...words.slice(from, to + 1).map((w) => (w.space_before ? " " : "") + w.text));
    }
    return { text: parts.join("").trim(), count: parts.length };
  }

  select(anchor, focus = anchor, { focusing = false } = {}) {
    this.selection = anchor === null ? null : { anchor, focus: this.hasWords ? focus : anchor };
    if (anchor !== null) {
      const word = this.open(this.rows[focus[0]])[focus[1]];
      this.list.querySelector("[data-w][tabindex='0']")?.setAttribute("tabindex", "-1");
      for (const other of this.list.querySelectorAll("[data-w][role]")) other.removeAttribute("role");
      word.setAttribute("tabindex", "0");
      word.setAttribute("role", "button"); // only while it is the one with the focus
      if (focusing) {
        word.focus({ preventScroll: true });
        word.scrollIntoView({ block: "nearest" });
      }
    }
    this.paint();
    this.dispatchEvent(new Event("select"));
  }

  selectTurn() {
    const [u] = this.selection.focus;
    this.select([u, 0], [u, this.rows[u].utterance.words.length - 1], { focusing: true });
  }

  /** One word more (+1) or fewer (−1) at the end. */
  stretch(by) {
    const [first, last] = this.range;
    const next = this.neighbour(last, by);
    if (next && !before(next, first)) this.select(first, next);
  }

  paint() {
    for (const word of this.list.querySelectorAll(".chosen")) word.classList.remove("chosen");
    if (this.selection === null) return;
    const [first, last] = this.range;
    for (let u = first[0]; u <= last[0]; u += 1) {
      this.rows[u].words?.forEach((word, w) => {
        if (!before([u, w], first) && !before(last, [u, w])) word.classList.add("chosen");
      });
    }
  }

  neighbour([u, w], by) {
    const { words } = this.rows[u].utterance;
    if (w + by >= 0 && w + by < words.length) return [u, w + by];
    const next = u + by;
    if (next < 0 || next >= this.rows.length) return null;
    return [next, by > 0 ? 0 : this.rows[next].utterance.words.length - 1];
  }

  // ---------------------------------------------------------------- hearing

  /** Mark the word at `seconds`; `follow`: keep it in sight. */
  hear(seconds, follow) {
    const row = this.rows[lastAtOrBefore(this.starts ?? [], seconds)];
    const word = row ? lastAtOrBefore(row.utterance.words.map((w) => w.start), seconds) : -1;
    const over = !row || seconds > row.utterance.end + 0.3;
    const element = over || word < 0 ? null : this.open(row)[word];
    if (element === this.heard) return;
    this.heard?.classList.remove("heard");
    if (this.heardRow !== row) this.heardRow?.item.classList.remove("playing");
    this.heard = element;
    this.heardRow = element ? row : null;
    if (element === null) return;
    element.classList.add("heard");
    row.item.classList.add("playing");
    if (follow && performance.now() / 1000 - this.scrolledAt > HANDS_OFF_S) this.keepInSight(element);
  }

  keepInSight(element) {
    const { top, bottom } = element.getBoundingClientRect();
    if (top > innerHeight * 0.35 && bottom < innerHeight * 0.75) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  }

  // ---------------------------------------------------------------- hands

  onClick(event) {
    const button = event.target.closest("button");
    if (button) {
      const row = this.rowOfItem.get(button.closest(".row"));
      if (button.classList.contains("time")) this.on.play(row.utterance.start);
      else this.on.speaker(this.rows.indexOf(row), button);
      return;
    }
    const word = event.target.closest("[data-w]");
    if (word === null || !getSelection().isCollapsed) return;
    const place = this.placeOf(word);
    if (event.shiftKey && this.selection) {
      this.select(this.selection.anchor, place, { focusing: true });
    } else {
      this.select(place, place, { focusing: true });
      this.on.play(this.wordAt(place).start);
    }
  }

  /** Text selected with the mouse becomes words selected. */
  takeNativeSelection() {
    const native = getSelection();
    if (native.isCollapsed || !this.list.contains(native.anchorNode)) return;
    const range = native.getRangeAt(0);
    const words = [...this.list.querySelectorAll("[data-w]")].filter((w) => range.intersectsNode(w));
    if (words.length === 0) return;
    const [first, last] = [this.placeOf(words[0]), this.placeOf(words.at(-1))];
    native.removeAllRanges();
    this.select(first, last, { focusing: true });
  }

  onKey(event) {
    if (isTyping(event.target) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.dataset.w === undefined) return;
    const place = this.placeOf(event.target);
    const next = this.destination(place, event.key);
    if (next !== undefined) {
      if (next === null) return event.preventDefault();
      const anchor = event.shiftKey ? (this.selection?.anchor ?? place) : next;
      this.select(anchor, next, { focusing: true });
    } else if (event.key === "Enter") {
      this.select(place);
      this.on.play(this.wordAt(place).start);
    } else if (event.key === "Escape") {
      this.select(null);
    } else return;
    event.preventDefault();
  }

  /** Where a key leads: a place, null at either end, undefined for any other key. */
  destination([u, w], key) {
    if (key === "ArrowRight") return this.neighbour([u, w], 1);
    if (key === "ArrowLeft") return this.neighbour([u, w], -1);
    if (key === "ArrowUp") return u > 0 ? [u - 1, 0] : null;
    if (key === "ArrowDown") return u + 1 < this.rows.length ? [u + 1, 0] : null;
    if (key === "Home") return [u, 0];
    if (key === "End") return [u, this.rows[u].utterance.words.length - 1];
    return undefined;
  }
}

function before([u0, w0], [u1, w1]) {
  return u0 < u1 || (u0 === u1 && w0 < w1);
}

/** The last index whose value is at most `limit`; −1 where there is none. */
function lastAtOrBefore(sorted, limit) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
