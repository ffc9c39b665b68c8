// The list of recordings: each with its state, the stages while it is worked on, the time left.

import * as api from "./api.js";
import { askDelete } from "./dialogs.js";
import { $, announce, el, fromTemplate, spokenTime, tell } from "./dom.js";

const STAGES = {
  sending: "Sending",
  queued: "Waiting",
  fetching: "Fetching",
  audio: "Reading the sound",
  speech: "Finding speech",
  voices: "Hearing voices",
  speakers: "Telling speakers apart",
  names: "Looking for known voices",
  transcription: "Writing down words",
};
const SHORT = {
  sending: "Sending",
  audio: "Sound",
  speech: "Speech",
  voices: "Voices",
  speakers: "Speakers",
  names: "Names",
  transcription: "Words",
};
const SHOWN = Object.keys(SHORT);
const MOST_FOLLOWED = 2; // at a time: browsers keep six connections to a service, sending needs some
const ENOUGH_TO_TELL = { fraction: 0.03, seconds: 2 };

const files = new Map(); // job id → the File that was sent, to be played

export const fileOf = (id) => files.get(id) ?? null;
export const keepFile = (id, file) => files.set(id, file);

export class JobList {
  constructor(list, { onDone, onDeleted }) {
    this.list = list;
    this.onDone = onDone;
    this.onDeleted = onDeleted;
    this.cards = new Map(); // job id → Card
    this.waiting = []; // cards whose jobs are to be followed, the next one first
    this.followed = 0;
  }

  async load() {
    for (const view of (await api.jobs()).reverse()) {
      if (this.cards.has(view.id)) continue;
      const card = this.addCard(view.file_name, true);
      this.adopt(card, view);
      card.silent = false;
    }
  }

  /** A card for a recording that is still to be sent; a `silent` one announces nothing. */
  addCard(name, silent = false) {
    const card = new Card(name, this, silent);
    this.list.prepend(card.item);
    this.tellEmpty();
    if (!silent) card.item.scrollIntoView({ block: "nearest" }); // open hints push it out of sight
    return card;
  }

  /** The service has taken the card's recording: follow it. */
  adopt(card, view) {
    this.cards.set(view.id, card);
    card.show(view);
    if (view.state !== "queued" && view.state !== "running") return;
    this.waiting.push(card);
    this.followNext();
  }

  /** Jobs are done in the order they came in: the first ones are those that move. */
  async followNext() {
    if (this.followed >= MOST_FOLLOWED || this.waiting.length === 0) return;
    const card = this.waiting.shift();
    const change = (view) => {
      card.show(view);
      if (view.state === "done") this.onDone(view.id);
    };
    this.followed += 1;
    try {
      await api.follow(card.view.id, change, card.unwanted.signal);
    } catch (error) {
      tell(error);
    } finally {
      this.followed -= 1;
      this.followNext();
    }
  }

  drop(card) {
    card.item.remove();
    this.waiting = this.waiting.filter((other) => other !== card);
    if (card.view) {
      this.cards.delete(card.view.id);
      files.delete(card.view.id);
      this.onDeleted(card.view.id);
    }
    this.tellEmpty();
  }

  tellEmpty() {
    document.getElementById("jobs-empty").hidden = this.list.children.length > 0;
  }
}

class Card {
  constructor(name, owner, silent) {
    this.owner = owner;
    this.silent = silent;
    this.name = name;
    this.view = null;
    this.unwanted = new AbortController();
    this.begun = null; // {at, fraction}: since when the work has been watched
    this.told = "";
    this.item = fromTemplate("job-template");
    this.link = $("a", this.item);
    this.link.textContent = name;
    const remove = $(".delete", this.item);
    remove.title = `Delete ${name}`;
    remove.setAttribute("aria-label", remove.title);
    remove.addEventListener("click", () => this.delete());
    $(".cancel", this.item).addEventListener("click", () => this.cancel());
    $("progress", this.item).setAttribute("aria-label", `Progress of ${name}`);
    $(".stages", this.item).append(
      ...SHOWN.map((stage) => el("li", { "data-stage": stage }, SHORT[stage])),
    );
    this.showProgress("sending", 0);
  }

  show(view) {
    if (this.unwanted.signal.aborted) return;
    this.view = view;
    const working = view.state === "queued" || view.state === "running";
    if (view.state === "done") this.link.href = `#job/${view.id}`;
    $(".job-name .quiet", this.item).textContent = working ? "" : ending(view);
    if (working) this.showProgress(view.state === "queued" ? "queued" : view.stage, view.progress);
    else this.showEnd();
    if (view.state === "failed") this.fail(view.error.message);
    if (view.state === "queued" && view.ahead > 0) {
      $(".left", this.item).textContent = view.ahead === 1 ? "1 before it" : `${view.ahead} before it`;
    }
  }

  showProgress(stage, fraction, note = null) {
    const at = SHOWN.indexOf(stage);
    $("progress", this.item).value = fraction;
    $(".stage-now", this.item).textContent = note ?? `${STAGES[stage] ?? "Starting"} …`;
    $(".left", this.item).textContent = this.timeLeft(stage, fraction);
    for (const item of $(".stages", this.item).children) {
      const place = SHOWN.indexOf(item.dataset.stage);
      const sent = place === 0 && stage !== "sending";
      item.className = place === at ? "active" : sent || place < at ? "done" : "";
      if (place === at) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    this.sayOnce(`${this.name}: ${STAGES[stage] ?? "starting"}`);
  }

  /** From how fast it went since it was first seen; sending is another matter than working. */
  timeLeft(stage, fraction) {
    const phase = stage === "sending" ? "sending" : "work";
    const now = performance.now() / 1000;
    if (stage === "queued" || stage === "starting") return "";
    if (this.begun?.phase !== phase) this.begun = { phase, at: now, fraction };
    const [seconds, done] = [now - this.begun.at, fraction - this.begun.fraction];
    if (seconds < ENOUGH_TO_TELL.seconds || done < ENOUGH_TO_TELL.fraction) return "";
    return `about ${spokenTime(Math.max(1, ((1 - fraction) * seconds) / done))} left`;
  }

  showEnd() {
    $(".job-progress", this.item).hidden = true;
    $(".cancel", this.item).hidden = true;
    const ends = { done: "the transcript is ready", failed: "failed", cancelled: "stopped" };
    this.sayOnce(`${this.name}: ${ends[this.view.state]}`);
  }

  fail(message) {
    const error = $(".error", this.item);
    error.textContent = message;
    error.hidden = false;
    $(".job-progress", this.item).hidden = true;
    $(".cancel", this.item).hidden = true;
    this.sayOnce(`${this.name} failed: ${message}`);
  }

  sayOnce(text) {
    if (this.told !== text && !this.silent) announce(text);
    this.told = text;
  }

  async cancel() {
    if (this.view === null) {
      this.unwanted.abort();
      this.owner.drop(this);
      return;
    }
    try {
      this.show(await api.cancel(this.view.id));
    } catch (error) {
      tell(error);
    }
  }

  async delete() {
    if (this.view?.state === "done" && !(await askDelete(this.name))) return;
    try {
      if (this.view !== null) await api.remove(this.view.id);
      this.unwanted.abort();
      this.owner.drop(this);
      announce(`${this.name} is deleted.`);
      document.getElementById("jobs-title").scrollIntoView({ block: "nearest" });
    } catch (error) {
      tell(error);
    }
  }
}

function ending(view) {
  const day = { dateStyle: "medium", timeStyle: "short" };
  const when = new Date(view.created_at).toLocaleString(undefined, day);
  if (view.state === "failed") return `${when} · failed`;
  if (view.state === "cancelled") return `${when} · stopped`;
  return `${when} · ${spokenTime(view.duration)}`;
}
