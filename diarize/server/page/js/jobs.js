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
const WORKING = new Set(["queued", "running"]);
const LOOK_EVERY_S = 0.5;
const TRY_AGAIN_S = 3; // where the service does not answer
const MOST_ASKED = 2; // of jobs too old to be listed: the first ones are those that move
const ENOUGH_TO_TELL = { fraction: 0.03, seconds: 2 };

const files = new Map(); // job id → the File that was sent, to be played

export const fileOf = (id) => files.get(id) ?? null;
export const keepFile = (id, file) => files.set(id, file);

export class JobList {
  constructor(list, { onDone, onDeleted }) {
    this.list = list;
    this.onDone = onDone;
    this.onDeleted = onDeleted;
    this.older = document.getElementById("jobs-older");
    this.older.addEventListener("click", () => this.showOlder());
    this.cards = new Map(); // job id → Card
    this.looking = false;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.look());
  }

  async load() {
    const listed = await api.jobs();
    for (const view of listed.toReversed()) if (!this.cards.has(view.id)) this.addJob(view);
    this.older.hidden = listed.length < api.MOST_LISTED;
  }

  async showOlder() {
    const [oldest] = this.inOrder();
    let listed;
    try {
      listed = await api.jobs(oldest?.view.id);
    } catch (error) {
      if (error.status !== 404) return tell(error);
      this.lack(oldest);
      return this.showOlder();
    }
    const items = listed.map((view) => this.addJob(view).item);
    this.list.append(...items);
    this.older.hidden = listed.length < api.MOST_LISTED;
    if (items.length > 0) $("a[href], .delete", items[0]).focus();
  }

  /** A card for a job that the service has had for a while. */
  addJob(view) {
    const card = this.addCard(view.file_name, true);
    this.adopt(card, view);
    card.silent = false;
    return card;
  }

  /** The cards of jobs, as these came in. */
  inOrder() {
    const age = (a, b) => (a.view.created_at < b.view.created_at ? -1 : 1);
    return [...this.cards.values()].sort(age);
  }

  /** A card for a recording that is still to be sent; a `silent` one announces nothing. */
  addCard(name, silent = false) {
    const card = new Card(name, this, silent);
    this.list.prepend(card.item);
    this.tellEmpty();
    if (!silent) card.item.scrollIntoView({ block: "nearest" }); // open hints push it out of sight
    return card;
  }

  /** The service has taken the card's recording: watch it. */
  adopt(card, view) {
    this.cards.set(view.id, card);
    card.show(view);
    if (card.working) this.look();
  }

  /** See how the jobs are, again and again while there is work, with one short request for all.
   *
   * A stream for each would hold connections, and a browser keeps six to a service for all its tabs
   * together. A tab that is hidden looks when it is shown. */
  async look() {
    clearTimeout(this.timer);
    if (this.looking || document.hidden || this.cards.size === 0) return;
    this.looking = true;
    const known = this.inOrder(); // what is sent meanwhile may not be in the answer
    let wait = LOOK_EVERY_S;
    try {
      await this.update(known, await api.jobs());
    } catch (error) {
      if (!(error instanceof api.ApiError) || error.status === 401) throw error;
      for (const card of known) if (card.working) card.lose(error);
      wait = TRY_AGAIN_S;
    } finally {
      this.looking = false;
    }
    const working = [...this.cards.values()].some((card) => card.working);
    if (working) this.timer = setTimeout(() => this.look(), wait * 1000);
  }

  /** Show what the service tells; jobs that it does not know any more were deleted elsewhere. */
  async update(known, listed) {
    const views = new Map(listed.map((view) => [view.id, view]));
    const here = ({ view }) => this.cards.has(view.id); // not deleted in this tab meanwhile
    let absent = known.filter((card) => here(card) && !views.has(card.view.id));
    if (listed.length === api.MOST_LISTED) {
      absent = absent.filter((card) => card.working).slice(0, MOST_ASKED);
      for (const { view } of absent) views.set(view.id, await viewOf(view.id));
    }
    for (const card of absent) if (!views.get(card.view.id)) this.lack(card);
    for (const card of known) {
      const view = views.get(card.view.id);
      if (!view || !card.working) continue; // it may have been stopped after the service was asked
      card.show(view);
      if (view.state === "done") this.onDone(view.id);
    }
  }

  /** Corrections are kept: the service may have been started with another folder, for once. */
  lack(card) {
    this.drop(card);
    announce(`${card.name} was deleted elsewhere.`);
  }

  drop(card) {
    card.unwanted.abort();
    card.item.remove();
    if (card.view) {
      this.cards.delete(card.view.id);
      files.delete(card.view.id);
    }
    this.tellEmpty();
  }

  tellEmpty() {
    document.getElementById("jobs-empty").hidden = this.list.children.length > 0;
  }
}

async function viewOf(id) {
  try {
    return await api.job(id);
  } catch (error) {
    if (error.status !== 404) throw error;
    return null;
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

  get working() {
    return this.view !== null && WORKING.has(this.view.state);
  }

  show(view) {
    if (this.unwanted.signal.aborted) return;
    this.view = view;
    const { working } = this;
    if (view.state === "done") this.link.href = `#job/${view.id}`;
    $(".job-name .quiet", this.item).textContent = working ? "" : ending(view);
    const stage = view.state === "queued" ? "queued" : view.stage;
    if (working) this.showProgress(stage, view.progress, view.error?.message); // what it waits for
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

  /** How it goes on is not known for now. */
  lose(error) {
    const lost = "The connection to the service is lost: trying again …";
    const note = error.status === 0 ? lost : error.message;
    $(".stage-now", this.item).textContent = note;
    $(".left", this.item).textContent = "";
    this.begun = null; // the time without it tells nothing about the time left
    this.sayOnce(`${this.name}: ${note}`);
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
    if (this.view === null) return this.owner.drop(this);
    try {
      this.show(await api.cancel(this.view.id));
    } catch (error) {
      if (error.status === 404) this.owner.lack(this);
      else tell(error);
    }
  }

  async delete() {
    if (this.view?.state === "done" && !(await askDelete(this.name))) return;
    try {
      if (this.view !== null) {
        await api.remove(this.view.id);
        this.owner.onDeleted(this.view.id);
      }
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
