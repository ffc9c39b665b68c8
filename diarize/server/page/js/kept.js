// Corrections outlive a reload: the commands are kept in this browser, one entry per job.

import { History } from "./corrections.js";

let known = null; // what is kept of the open transcript, as far as this tab knows

const keyOf = (id) => `diarize-corrections-${id}`;

export function restore(id, result) {
  const text = localStorage.getItem(keyOf(id));
  known = text;
  if (text === null) return new History(result);
  const { commands, position } = JSON.parse(text);
  const history = new History(result, commands);
  history.position = position;
  return history;
}

export function keep(id, history) {
  const { commands, position } = history;
  const text = commands.length === 0 ? null : JSON.stringify({ commands, position });
  if (text === null) localStorage.removeItem(keyOf(id));
  else localStorage.setItem(keyOf(id), text);
  known = text;
}

/** Whether another tab has kept other corrections of the open transcript. */
export function isKeptElsewhere(id) {
  const text = localStorage.getItem(keyOf(id));
  return text !== null && text !== known;
}

export function forget(id) {
  localStorage.removeItem(keyOf(id));
}
