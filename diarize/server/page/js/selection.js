// The bar that shows what is selected and to whom it can be given.

import { UNKNOWN } from "./corrections.js";
import { el, initials } from "./dom.js";

const MOST_BUTTONS = 9; // the rest are in the turn's menu; the digits 1 to 9 reach no more either

export class SelectionBar {
  constructor(bar, transcript, on) {
    this.bar = bar;
    this.transcript = transcript;
    this.on = on; // give(name), giveNew()
    this.speakers = [];
    this.colours = new Map();
    transcript.addEventListener("select", () => this.show());
  }

  setSpeakers(speakers, colours) {
    this.speakers = speakers;
    this.colours = colours;
  }

  show() {
    const { transcript } = this;
    this.bar.hidden = transcript.range === null;
    document.documentElement.classList.toggle("selecting", !this.bar.hidden);
    if (this.bar.hidden) return;
    const { text, count } = transcript.selectedText;
    const [first, last] = transcript.range;
    const said = new Set();
    for (let u = first[0]; u <= last[0]; u += 1) said.add(transcript.rows[u].utterance.speaker);
    const only = said.size === 1 ? [...said][0] : null;
    const words = count === 1 ? `“${text}”` : `${count} words: “${text}”`;
    this.bar.replaceChildren(
      el("p", { title: text }, words, el("span", { class: "quiet" }, " is said by")),
      ...this.speakers.slice(0, MOST_BUTTONS).map((name, i) => this.giver(name, only, String(i + 1))),
      this.giver(UNKNOWN, only, "U"),
      this.button("New …", "Give it to a new speaker (N)", () => this.on.giveNew()),
      ...(transcript.hasWords ? this.extent() : []),
    );
  }

  /** What widens and narrows the selection where there is no Shift key. */
  extent() {
    const { transcript } = this;
    return [
      this.button("− word", "One word fewer", () => transcript.stretch(-1)),
      this.button("+ word", "One word more", () => transcript.stretch(1)),
      this.button("Whole turn", "Select the whole turn (T)", () => transcript.selectTurn()),
      this.button("×", "Select nothing (Esc)", () => transcript.select(null)),
    ];
  }

  giver(name, current, key) {
    const colour = name === UNKNOWN ? "unknown" : this.colours.get(name) % 8;
    return el(
      "button",
      {
        class: "give",
        type: "button",
        "data-colour": colour,
        "aria-pressed": String(name === current),
        title: `${name} (${key})`,
        click: () => this.on.give(name),
      },
      el("span", { class: "badge", "aria-hidden": "true" }, initials(name)),
      el("span", { class: "name" }, name),
    );
  }

  button(text, title, click) {
    const attributes = { class: "give", type: "button", title, "aria-label": title, click };
    return el("button", attributes, el("span", { class: "name" }, text));
  }
}
