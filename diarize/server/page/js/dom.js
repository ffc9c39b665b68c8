// Small things that every view needs: elements, announcements, messages. Text is only ever set as
// text, never as HTML: names and words come from strangers.

import { ApiError } from "./api.js";

export const $ = (selector, root = document) => root.querySelector(selector);

/** A new element: attributes (dataset as data-…), then children; strings become text. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

/** Tell a screen reader, politely. */
export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = "";
  requestAnimationFrame(() => {
    status.textContent = text; // a change, also where the text is the same as before
  });
}

let hiding = 0;

/** A message for everybody; errors stay until they are closed. */
export function toast(text, { lasting = false } = {}) {
  const box = document.getElementById("toast");
  clearTimeout(hiding);
  box.hidden = false;
  $("p", box).textContent = text;
  if (!lasting) hiding = setTimeout(() => (box.hidden = true), 6000);
}

/** Show what went wrong as the one sentence that it is; what nobody expected goes on. */
export function tell(error) {
  if (error.name === "AbortError") return;
  toast(error.message, { lasting: true });
  if (!(error instanceof ApiError)) throw error;
}

/** Does a keystroke go to a control that has its own use for it? */
export function isTyping(target) {
  return target.closest("input, select, textarea, dialog, [role=menu]") !== null;
}

/** 0:07, 12:30, 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** "30 seconds", "4 minutes", "1 hour 5 minutes": for reading aloud. */
export function spokenTime(seconds) {
  const many = (n, unit) => `${n} ${unit}${n === 1 ? "" : "s"}`;
  if (seconds < 60) return many(Math.round(seconds), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return many(minutes, "minute");
  const rest = minutes % 60;
  return many(Math.floor(minutes / 60), "hour") + (rest ? ` ${many(rest, "minute")}` : "");
}

/** What stands in a speaker's badge: one or two characters. */
export function initials(name) {
  if (name === "UNKNOWN") return "?";
  const numbered = /^SPEAKER_0*(\d+)$/.exec(name);
  if (numbered) return numbered[1];
  const parts = name.trim().split(/\s+/);
  const first = (part) => [...(part ?? "")][0] ?? "";
  return (first(parts[0]) + (parts.length > 1 ? first(parts.at(-1)) : "")).toUpperCase();
}
