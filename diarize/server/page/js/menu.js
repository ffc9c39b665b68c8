// One menu for the whole page: arrows, Home, End and first letters move, Escape closes, the focus
// goes back to where it came from.

import { $, el } from "./dom.js";

const MARGIN = 8;
let opener = null;

const menu = () => document.getElementById("menu");

/** Open at an element. `groups`: lists of {label, hint, badge, colour, checked, action}; a group may
 * begin with a string, its heading. */
export function openMenu(anchor, label, groups) {
  const box = menu();
  closeMenu();
  box.setAttribute("aria-label", label);
  box.replaceChildren(...groups.filter((group) => group.length > 0).map(groupOf));
  opener = anchor;
  box.showPopover();
  place(box, anchor.getBoundingClientRect());
  anchor.setAttribute("aria-expanded", "true");
  (items().find((item) => item.classList.contains("checked")) ?? items()[0]).focus();
}

export function closeMenu() {
  if (menu().matches(":popover-open")) menu().hidePopover();
}

export function setUpMenu() {
  const box = menu();
  box.addEventListener("keydown", onKey);
  box.addEventListener("toggle", (event) => {
    if (event.newState === "open") return;
    opener?.removeAttribute("aria-expanded");
    if (box.contains(document.activeElement) || document.activeElement === document.body) {
      opener?.focus();
    }
  });
  addEventListener("resize", closeMenu);
}

function items() {
  return [...menu().querySelectorAll("[role^=menuitem]")];
}

function groupOf(entries) {
  const group = el("div", { role: "group" });
  for (const entry of entries) {
    if (typeof entry === "string") {
      group.setAttribute("aria-label", entry);
      group.append(el("p", { class: "menu-head", "aria-hidden": "true" }, entry));
    } else {
      group.append(itemOf(entry));
    }
  }
  return group;
}

function itemOf({ label, hint, badge, colour, checked, action }) {
  const choice = checked !== undefined;
  const item = el("button", {
    type: "button",
    role: choice ? "menuitemradio" : "menuitem",
    tabindex: "-1",
    class: checked ? "checked" : null,
    "aria-checked": choice ? String(checked) : null,
    "data-colour": colour ?? null,
    click: () => {
      const from = opener;
      menu().hidePopover();
      from?.focus();
      action();
    },
  });
  if (badge !== undefined) item.append(el("span", { class: "badge", "aria-hidden": "true" }, badge));
  item.append(el("span", { class: "name" }, label));
  if (hint) item.append(el("span", { class: "quiet" }, hint));
  return item;
}

function onKey(event) {
  const all = items();
  const at = all.indexOf(document.activeElement);
  let next = -1;
  if (event.key === "ArrowDown") next = (at + 1) % all.length;
  else if (event.key === "ArrowUp") next = (at + all.length - 1) % all.length;
  else if (event.key === "Home") next = 0;
  else if (event.key === "End") next = all.length - 1;
  else if (event.key === "Tab") return menu().hidePopover();
  else if (event.key.length === 1 && /\S/.test(event.key)) next = startingWith(all, at, event.key);
  if (next < 0) return;
  event.preventDefault();
  event.stopPropagation();
  all[next].focus();
}

function startingWith(all, at, letter) {
  const begins = (item) =>
    $(".name", item).textContent.toLowerCase().startsWith(letter.toLowerCase());
  const turned = [...all.slice(at + 1), ...all.slice(0, at + 1)];
  return all.indexOf(turned.find(begins));
}

/** Below the anchor, or above where there is more room, and never beyond the window. */
function place(box, anchor) {
  const { width, height } = box.getBoundingClientRect();
  const below = anchor.bottom + 4;
  const above = anchor.top - height - 4;
  const top = below + height > innerHeight - MARGIN && above >= MARGIN ? above : below;
  const clamp = (value, size, room) => Math.max(MARGIN, Math.min(value, room - size - MARGIN));
  const room = document.documentElement.clientWidth;
  const left = anchor.left + width > room - MARGIN ? anchor.right - width : anchor.left;
  box.style.top = `${clamp(top, height, innerHeight)}px`;
  box.style.left = `${clamp(left, width, room)}px`;
}
