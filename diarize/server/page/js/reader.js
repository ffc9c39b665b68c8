// One transcript: what the service found, what the person makes of it, and all that shows it.

import * as api from "./api.js";
import { UNKNOWN } from "./corrections.js";
import { dropName } from "./dialogs.js";
import { $, announce, isTyping, tell, toast } from "./dom.js";
import { openDownloads } from "./downloads.js";
import { fileOf, keepFile } from "./jobs.js";
import { forget, isKeptElsewhere, keep, restore } from "./kept.js";
import { Lanes, placeText } from "./lanes.js";
import { closeMenu } from "./menu.js";
import { Naming } from "./naming.js";
import { Player } from "./player.js";
import { SelectionBar } from "./selection.js";
import { factsOf, figures, inWords, lanesOf, speakingAt } from "./speakers.js";
import { Transcript } from "./transcript.js";

export class Reader {
  constructor(formats) {
    this.formats = formats;
    this.job = null;
    this.player = new Player();
    this.naming = new Naming(this);
    this.transcript = new Transcript($("#transcript"), {
      play: (seconds) => this.player.playFrom(seconds),
      speaker: (u, button) => this.openRowMenu(u, button),
    });
    this.bar = new SelectionBar($("#selection"), this.transcript, {
      give: (name) => this.give(name),
      giveNew: () => this.giveNew(),
    });
    this.lanes = new Lanes({
      onSeek: (seconds) => this.seek(seconds),
      onSpeaker: (name, anchor) => {
        if (name === UNKNOWN) this.goToUnknown();
        else this.naming.openSpeakerMenu(name, anchor);
      },
    });
    this.transcript.addEventListener("select", () => this.lanes.mark(this.selectedSpan()));
    this.player.addEventListener("time", () => this.showPlace());
    this.player.addEventListener("state", () => this.showPlace());
    this.player.onFile = (file) => keepFile(this.job.id, file);
    $("#undo").addEventListener("click", () => this.undo());
    $("#redo").addEventListener("click", () => this.redo());
    $("#download").addEventListener("click", (event) => {
      openDownloads(event.currentTarget, this.formats, () => this.history.result);
    });
    document.addEventListener("keydown", (event) => this.onKey(event));
    addEventListener("storage", () => this.takeOver("Corrected in another tab: shown here, too."));
  }

  get isOpen() {
    return this.job !== null;
  }

  // ---------------------------------------------------------------- opening

  /** Whether it was opened: somebody may want another one meanwhile. */
  async open(id, stillWanted) {
    const [job, result, voices] = await Promise.all([api.job(id), api.result(id), api.voices(id)]);
    if (!stillWanted()) return false;
    this.job = job;
    this.voices = voices;
    this.restore(result);
    $("#title").textContent = job.file_name;
    document.title = `${job.file_name} – Who said what`;
    const warnings = $("#warnings");
    warnings.textContent = job.warnings.join(" ");
    warnings.hidden = job.warnings.length === 0;
    $("#dock").hidden = false;
    $("#reader").hidden = false;
    this.refresh(true);
    this.player.load(fileOf(id), result.duration);
    scrollTo(0, 0);
    $("#title").focus({ preventScroll: true });
    return true;
  }

  close() {
    if (!this.isOpen) return;
    this.player.leave();
    this.transcript.select(null);
    this.job = null;
    $("#dock").hidden = true;
    $("#reader").hidden = true;
    document.title = "Who said what";
  }

  restore(result) {
    const { id } = this.job;
    try {
      this.history = restore(id, result);
    } catch {
      forget(id); // of another version of the page, say
      this.history = restore(id, result);
      toast("Earlier corrections of this transcript could not be read.", { lasting: true });
    }
  }

  // ---------------------------------------------------------------- showing

  refresh(fresh = false) {
    const { history } = this;
    const { result } = history;
    this.colours = history.colours();
    const told = figures(result);
    const lanes = lanesOf(result);
    this.names = lanes.filter((name) => name !== UNKNOWN);
    this.bar.setSpeakers(this.names, this.colours);
    this.transcript.show(result, this.colours);
    this.lanes.show(result, lanes, this.colours, told.shares, fresh);
    $("#facts").textContent = factsOf(result, told);
    $("#timeline-text").textContent = inWords(told);
    $("#timeline").hidden = lanes.length === 0;
    $("#transcript-empty").hidden = lanes.length > 0;
    $("#undo").disabled = !history.canUndo;
    $("#redo").disabled = !history.canRedo;
    const count = history.position;
    $("#corrected").textContent = count === 0 ? "" : count === 1 ? "1 correction" : `${count} corrections`;
    this.showPlace();
  }

  colourOf(name) {
    return name === UNKNOWN ? "unknown" : this.colours.get(name) % 8;
  }

  showPlace() {
    if (!this.isOpen) return;
    const { place, playing, duration } = this.player;
    const { result } = this.history;
    const spoken = playing ? null : placeText(place, duration, speakingAt(result, place));
    this.lanes.setPlace(place, playing, spoken);
    this.transcript.hear(playing || place > 0 ? place : -1, playing);
  }

  seek(seconds) {
    this.player.seek(seconds);
    if (this.transcript.heard && !this.player.playing) {
      this.transcript.heard.scrollIntoView({ block: "center" });
    }
  }

  /** Select the next turn of nobody known, after the place; from the start again after the last. */
  goToUnknown() {
    const { rows } = this.transcript;
    const unknown = [...rows.keys()].filter((u) => rows[u].utterance.speaker === UNKNOWN);
    const u = unknown.find((one) => rows[one].utterance.start > this.player.place) ?? unknown[0];
    if (u === undefined) return toast("No words were understood where nobody is known.");
    this.seek(rows[u].utterance.start);
    rows[u].item.scrollIntoView({ block: "center" });
    this.transcript.select([u, 0], [u, rows[u].utterance.words.length - 1], { focusing: true });
  }

  selectedSpan() {
    const range = this.transcript.range;
    if (range === null) return null;
    const [first, last] = range.map((place) => this.transcript.wordAt(place));
    return { start: first.start, end: last.end };
  }

  // ---------------------------------------------------------------- correcting

  /** Whether it was done. */
  do(command, told) {
    return this.change(() => this.history.do(command), told);
  }

  undo() {
    if (this.history.canUndo) this.change(() => this.history.undo(), "Undone.");
  }

  redo() {
    if (this.history.canRedo) this.change(() => this.history.redo(), "Done again.");
  }

  change(act, told) {
    const missed = "Another tab has corrected this transcript: look again before you go on.";
    if (this.takeOver(missed, { lasting: true })) return false;
    act();
    try {
      keep(this.job.id, this.history);
    } catch {
      toast("This browser is full: corrections will be lost with this tab.", { lasting: true });
    }
    this.showChange();
    announce(told);
    return true;
  }

  /** Go on with what another tab has made of the transcript, if it has: whether it had. */
  takeOver(told, options) {
    if (!this.isOpen || !isKeptElsewhere(this.job.id)) return false;
    this.restore(this.history.states[0]);
    closeMenu(); // menus and questions are about what was there before
    dropName();
    this.showChange();
    toast(told, options);
    return true;
  }

  /** Selection and focus stay where they were, or near. */
  showChange() {
    const from = document.activeElement;
    const word = this.transcript.selection && this.transcript.wordAt(this.transcript.selection.focus);
    this.refresh();
    const place = word && this.transcript.find(word.start, word.text);
    if (place) this.transcript.select(place, place, { focusing: true });
    else if (!from.isConnected || from.disabled) $("#title").focus({ preventScroll: true });
  }

  /** Give what is selected to a speaker. */
  give(to) {
    const range = this.transcript.range;
    if (range === null) return;
    const [first, last] = range;
    const { count } = this.transcript.selectedText;
    const said = count === 1 ? "1 word is" : `${count} words are`;
    if (this.transcript.hasWords) this.do({ type: "words", first, last, to }, `${said} ${to}'s now.`);
    else this.do({ type: "turn", index: first[0], to }, `The turn is ${to}'s now.`);
  }

  async giveNew() {
    const name = await this.naming.askNew();
    if (name !== null) this.give(name);
  }

  openRowMenu(u, button) {
    const { speaker, words } = this.transcript.rows[u].utterance;
    const whole = () => this.transcript.select([u, 0], [u, words.length - 1]);
    const give = (name) => {
      if (name === speaker) return;
      whole();
      this.give(name);
    };
    const giveNew = () => {
      whole();
      this.giveNew().catch(tell);
    };
    this.naming.openRowMenu(speaker, button, give, giveNew);
  }

  // ---------------------------------------------------------------- keys

  onKey(event) {
    if (!this.isOpen || event.defaultPrevented || isTyping(event.target)) return;
    if (event.ctrlKey || event.metaKey) {
      const key = event.key.toLowerCase();
      if (key === "z") event.shiftKey ? this.redo() : this.undo();
      else if (key === "y") this.redo();
      else return;
    } else if (event.key === " ") {
      if (event.target.closest("button, a, summary")) return;
      this.player.toggle();
    } else if (!this.onLetter(event)) return;
    event.preventDefault();
  }

  /** Letters and digits act only on a word or the lanes (WCAG 2.1.4). */
  onLetter({ key, target, altKey }) {
    const onWord = target.dataset.w !== undefined;
    if (altKey || (!onWord && target.id !== "lanes")) return false;
    const letter = key.toLowerCase();
    if (letter === "j") this.player.step(-5);
    else if (letter === "l") this.player.step(5);
    else if (!onWord) return false;
    else return this.onWordLetter(letter, this.transcript.placeOf(target));
    return true;
  }

  onWordLetter(letter, place) {
    const name = this.names[Number(letter) - 1];
    const { speaker } = this.transcript.rows[place[0]].utterance;
    const acts = {
      t: () => this.transcript.selectTurn(),
      u: () => this.give(UNKNOWN),
      n: () => this.giveNew().catch(tell),
      r: () => this.naming.rename(speaker).catch(tell),
    };
    const act = name === undefined ? acts[letter] : () => this.give(name);
    if (act === undefined) return false;
    if (this.transcript.selection === null) this.transcript.select(place);
    act();
    return true;
  }
}
