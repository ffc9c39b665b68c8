// The form: which recordings, and what is known about them.

import * as api from "./api.js";
import { $, el, tell } from "./dom.js";
import { keepFile } from "./jobs.js";

const PATIENT_WITH = new Set([429, 503]); // busy, or still loading its models
const WAIT_S = 5;

export class AskForm {
  constructor(form, list) {
    this.form = form;
    this.list = list;
    this.queue = Promise.resolve(); // one recording is sent after the other
    this.alone = null; // the only recording of the last choice: opened when it is done
    const files = $("#files", form);
    files.addEventListener("change", () => {
      this.take([...files.files]);
      files.value = "";
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.showHints());
    this.acceptDrops($("#drop", form));
    this.showHints();
  }

  /** What the service offers. */
  offer(options, fields) {
    const names = new Intl.DisplayNames(undefined, { type: "language", fallback: "none" });
    const named = ({ code, name }) => [code, nameOfLanguage(names, code) ?? name];
    const sorted = options.languages.map(named).sort((a, b) => a[1].localeCompare(b[1]));
    this.form.elements.language.append(
      ...sorted.map(([code, name]) => el("option", { value: code }, name)),
    );
    $("#channels-hint").hidden = !fields.has("channels");
  }

  /** Drops anywhere on the page are meant for the form: a browser would leave the page for them. */
  acceptDrops(zone) {
    let within = 0;
    const shows = () => !document.getElementById("start").hidden;
    const mark = () => zone.classList.toggle("over", within > 0);
    const onFiles = (type, act) =>
      document.addEventListener(type, (event) => {
        if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
        event.preventDefault();
        act(event);
        mark();
      });
    onFiles("dragenter", () => (within += 1));
    onFiles("dragleave", () => (within = Math.max(0, within - 1)));
    onFiles("dragover", (event) => (event.dataTransfer.dropEffect = shows() ? "copy" : "none"));
    onFiles("drop", (event) => {
      within = 0;
      if (shows()) this.take([...event.dataTransfer.files]);
    });
  }

  showHints() {
    const { count, language, words } = this.form.elements;
    for (const label of this.form.querySelectorAll("[data-count]")) {
      label.hidden = label.dataset.count !== count.value;
    }
    const told = [];
    const { fields } = this.read();
    if (fields.num_speakers) told.push(`${fields.num_speakers} speakers`);
    if (fields.min_speakers) told.push(`at least ${fields.min_speakers}`);
    if (fields.max_speakers) told.push(`at most ${fields.max_speakers}`);
    if (language.value) told.push(language.selectedOptions[0].textContent);
    if (!words.checked) told.push("turns only");
    $("#hints-told").textContent = told.join(" · ");
  }

  /** {fields, problem}: the hints as the service names them, or what is wrong with them. */
  read() {
    const form = this.form.elements;
    const fields = { words: form.words.checked, identify: form.identify.checked };
    const wanted = { exact: ["num_speakers"], range: ["min_speakers", "max_speakers"], any: [] };
    let problem = null;
    for (const name of wanted[form.count.value]) {
      if (!form[name].checkValidity()) problem = "Numbers of speakers are whole, from 1 to 100.";
      if (form[name].value !== "") fields[name] = form[name].value;
    }
    if (form.count.value === "exact" && !fields.num_speakers) problem ??= "How many speakers are there?";
    if (Number(fields.min_speakers) > Number(fields.max_speakers)) {
      problem ??= "The fewest speakers are more than the most.";
    }
    if (form.language.value) fields.language = form.language.value;
    if (form.channels.checked && !$("#channels-hint").hidden) fields.channels = "separate";
    return { fields, problem };
  }

  take(files) {
    const { fields, problem } = this.read();
    const error = $("#ask-error");
    error.textContent = problem ?? (files.length === 0 ? "That holds no files." : "");
    error.hidden = error.textContent === "";
    if (problem !== null) return;
    this.alone = null;
    const cards = files.map((file) => [file, this.list.addCard(file.name)]);
    for (const [file, card] of cards) {
      this.queue = this.queue.then(() => this.send(file, card, fields, files.length === 1));
    }
  }

  async send(file, card, fields, alone) {
    try {
      const view = await this.submit(file, card, fields);
      keepFile(view.id, file);
      if (alone) this.alone = view.id;
      this.list.adopt(card, view);
    } catch (error) {
      if (error instanceof api.ApiError) card.fail(error.message);
      else tell(error);
    }
  }

  async submit(file, card, fields) {
    const { signal } = card.unwanted;
    const onSent = (fraction) => card.showProgress("sending", fraction);
    for (let again = false; ; again = true) {
      try {
        if (again) await api.ready(); // what may be large is not sent in vain again
        return await api.submit(file, fields, { signal, onSent });
      } catch (error) {
        const busy = PATIENT_WITH.has(error.status) && error.retryAfterS > 0;
        if (!busy && error.code !== "not_ready") throw error;
        card.showProgress("sending", 0, error.message);
        const wait = error.retryAfterS || WAIT_S;
        await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      }
    }
  }
}

function nameOfLanguage(names, code) {
  try {
    return names.of(code);
  } catch {
    return undefined; // Whisper has codes of its own ("jw")
  }
}
