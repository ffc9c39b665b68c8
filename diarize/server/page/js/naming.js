// What can be done with a speaker as a whole, and with what one of them says: menus and questions.

import * as api from "./api.js";
import { UNKNOWN } from "./corrections.js";
import { askName } from "./dialogs.js";
import { initials, tell, toast } from "./dom.js";
import { openMenu } from "./menu.js";

/** `reader` has: history, job, voices (what the service keeps), names, colourOf(name), do(command). */
export class Naming {
  constructor(reader) {
    this.reader = reader;
  }

  /** The menu of a row: who says it, then what can be done with all of that speaker. */
  openRowMenu(name, anchor, give, giveNew) {
    const choice = (other) => this.choice(other, other === name, () => give(other));
    openMenu(anchor, `Turn of ${name}`, [
      [
        "This turn is said by",
        ...this.reader.names.map(choice),
        choice(UNKNOWN),
        { label: "Somebody new …", action: giveNew },
      ],
      this.entries(name, anchor),
    ]);
  }

  openSpeakerMenu(name, anchor) {
    openMenu(anchor, name, [this.entries(name, anchor)]);
  }

  entries(name, anchor) {
    if (name === UNKNOWN) return [];
    const others = this.reader.names.filter((other) => other !== name);
    const voice = this.voiceOf(name);
    const told = voice?.score == null ? "" : ` (voice recognised, ${percent(voice.confidence)} sure)`;
    const entries = [
      `All that ${name} says${told}`,
      { label: "Rename …", hint: "R", action: () => this.rename(name) },
      { label: "Mark all UNKNOWN", action: () => this.relabel(name, UNKNOWN) },
    ];
    if (others.length > 0) {
      const merge = () => this.openMerge(name, others, anchor);
      entries.splice(2, 0, { label: "Merge with …", action: merge });
    }
    if (voice !== null) {
      entries.push({ label: "Remember this voice …", action: () => this.rename(name, true) });
    }
    return entries;
  }

  openMerge(name, others, anchor) {
    const into = (other) => this.choice(other, undefined, () => this.relabel(name, other));
    openMenu(anchor, `Merge ${name} with`, [[`${name} is the same person as`, ...others.map(into)]]);
  }

  choice(name, checked, action) {
    return { label: name, badge: initials(name), colour: this.reader.colourOf(name), checked, action };
  }

  relabel(from, to) {
    const merged = to !== UNKNOWN && this.reader.names.includes(to);
    const done = to === UNKNOWN ? `${from} is marked UNKNOWN.` : `${from} is now ${to}.`;
    return this.reader.do({ type: "rename", from, to }, merged ? `${from} and ${to} are one now.` : done);
  }

  async rename(name, remember = false) {
    if (name === UNKNOWN) return;
    const voice = this.voiceOf(name);
    const answer = await askName({
      title: remember ? `Remember the voice of ${name}` : `Who is ${name}?`,
      value: name,
      canRemember: voice !== null,
      remember,
      taken: (other) => this.taken(name, other),
    });
    if (answer === null) return;
    if (answer.name !== name && !this.relabel(name, answer.name)) return;
    if (answer.remember) await this.remember(voice.speaker, answer.name);
  }

  /** A name for a new speaker, or null. */
  async askNew() {
    const answer = await askName({
      title: "Who is it?",
      canRemember: false,
      taken: (name) => (this.reader.names.includes(name) ? `It is given to ${name}.` : null),
    });
    return answer?.name ?? null;
  }

  taken(name, other) {
    if (other === name) return null;
    if (other === UNKNOWN) return `All that ${name} says is marked UNKNOWN.`;
    if (!this.reader.names.includes(other)) return null;
    return `There is somebody called ${other} already: the two become one.`;
  }

  /** The voice that the service keeps of a speaker, whatever they are called by now; or null. */
  voiceOf(name) {
    const { history, voices } = this.reader;
    return voices.find((voice) => history.nameOf(voice.speaker) === name) ?? null;
  }

  async remember(speaker, name) {
    try {
      await api.remember(this.reader.job.id, speaker, name);
      toast(`The voice of ${name} is remembered.`);
    } catch (error) {
      tell(error);
    }
  }
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}
