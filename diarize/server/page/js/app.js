// Puts the page together: the first view at #, a transcript at #job/ID.

import * as api from "./api.js";
import { AskForm } from "./ask.js";
import { askKey, showHelp } from "./dialogs.js";
import { $, announce, tell } from "./dom.js";
import { JobList } from "./jobs.js";
import { forget } from "./kept.js";
import { setUpMenu } from "./menu.js";
import { Reader } from "./reader.js";
import { setUpTheme } from "./theme.js";

setUpTheme($("#theme-button"));
setUpMenu();
$("#help-button").addEventListener("click", showHelp);
$("#toast button").addEventListener("click", () => ($("#toast").hidden = true));

api.onKeyNeeded(async (wrong) => {
  $("#key-button").hidden = false;
  return askKey(wrong);
});
$("#key-button").hidden = !api.hasKey();
$("#key-button").addEventListener("click", () => {
  api.forgetKey();
  location.reload();
});
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof api.ApiError) {
    event.preventDefault();
    tell(event.reason);
  }
});

const list = new JobList($("#jobs"), {
  onDone: (id) => {
    if (ask.alone === id && !reader?.isOpen) location.hash = `#job/${id}`;
  },
  onDeleted: forget,
});
const ask = new AskForm($("#ask"), list);
let reader = null;
let turn = 0;

/** Show what the address says. */
async function route() {
  const mine = (turn += 1);
  const [, id] = /^#job\/([0-9a-f]+)$/.exec(location.hash) ?? [];
  reader.close();
  $("#opening").hidden = true;
  $("#start").hidden = id !== undefined;
  if (id === undefined) return;
  ask.alone = null;
  $("#opening").hidden = false;
  try {
    if (await reader.open(id, () => mine === turn)) announce("The transcript is open.");
  } catch (error) {
    if (mine !== turn) return;
    history.replaceState(null, "", "#");
    $("#start").hidden = false;
    list.look(); // it may have been deleted elsewhere
    tell(error);
  } finally {
    if (mine === turn) $("#opening").hidden = true;
  }
}

async function start() {
  $("#start").hidden = /^#job\//.test(location.hash);
  const options = await api.options();
  ask.offer(options, await api.submitFields());
  reader = new Reader(options.formats);
  addEventListener("hashchange", route);
  await Promise.all([list.load(), route()]);
}

start().catch((error) => {
  $("#start").hidden = false;
  tell(error);
});
