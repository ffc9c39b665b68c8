// The page's questions. Each gives a promise of the answer, null where the person thinks better.

import { $ } from "./dom.js";

/** Open a dialog; the promise holds whether it was agreed to. */
function ask(dialog) {
  return new Promise((resolve) => {
    const form = $("form", dialog);
    let agreed = false;
    const submit = (event) => {
      event.preventDefault();
      agreed = true;
      dialog.close();
    };
    const cancel = (event) => event.target.value === "cancel" && dialog.close();
    form.addEventListener("submit", submit);
    form.addEventListener("click", cancel);
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("submit", submit);
        form.removeEventListener("click", cancel);
        resolve(agreed);
      },
      { once: true },
    );
    dialog.showModal();
  });
}

export async function askKey(wrong) {
  const dialog = document.getElementById("key-dialog");
  const input = $("input", dialog);
  input.value = "";
  $(".error", dialog).hidden = !wrong;
  return (await ask(dialog)) ? input.value.trim() : null;
}

export async function askDelete(name) {
  const dialog = document.getElementById("delete-dialog");
  $("h2", dialog).textContent = `Delete ${name}?`;
  return ask(dialog);
}

export function showHelp() {
  return ask(document.getElementById("help-dialog"));
}

/** Nothing is asked any more: what the question was about has changed. */
export function dropName() {
  document.getElementById("name-dialog").close();
}

/** A name: {name, remember}. `taken(name)` tells what happens where the name is somebody's. */
export async function askName({ title, value = "", canRemember, remember: wanted = false, taken }) {
  const dialog = document.getElementById("name-dialog");
  const { name, remember } = $("form", dialog).elements;
  $("h2", dialog).textContent = title;
  $("#name-remember").hidden = !canRemember;
  remember.checked = wanted;
  name.value = value;
  const note = $("#name-merges");
  const check = () => {
    const told = taken(name.value.trim());
    note.textContent = told ?? "";
    note.hidden = told === null;
    name.setCustomValidity(name.value.trim() === "" ? "Give a name." : "");
  };
  check();
  name.addEventListener("input", check);
  const answer = ask(dialog);
  name.select();
  const agreed = await answer;
  name.removeEventListener("input", check);
  if (!agreed) return null;
  return { name: name.value.trim(), remember: canRemember && remember.checked };
}
