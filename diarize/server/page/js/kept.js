// Corrections outlive a reload: the commands are kept in this browser, one entry per job.

import { History } from "./corrections.js";

const keyOf = (id) => `diarize-corrections-${id}`;

export function restore(id, result) {
  const text = localStorage.getItem(keyOf(id));
  if (text === null) return new History(result);
  const { commands, position } = JSON.parse(text);
  const history = new History(result, commands);
  history.position = position;
  return history;
}

export function keep(id, history) {
  const { commands, position } = history;
  if (commands.length === 0) localStorage.removeItem(keyOf(id));
  else localStorage.setItem(keyOf(id), JSON.stringify({ commands, position }));
}

export function forget(id) {
  localStorage.removeItem(keyOf(id));
}
