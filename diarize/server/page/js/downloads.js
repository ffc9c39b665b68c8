// The result in any format, as it stands after the corrections: the service writes what the page
// holds.

import * as api from "./api.js";
import { tell, toast } from "./dom.js";
import { openMenu } from "./menu.js";

/** A menu of the formats. `current()` gives the result to write. */
export function openDownloads(button, formats, current) {
  const { utterances, language } = current();
  const words = utterances.length > 0 || language !== null;
  const groupOf = (test) =>
    formats
      .filter((format) => (words || !format.needs_words) && test(format))
      .map(({ name, suffix, description }) => ({
        label: sentenceCase(description),
        hint: suffix,
        action: () => download(name, current()),
      }));
  const subtitles = new Set(["txt", "srt", "vtt"]);
  openMenu(button, "Download as", [
    groupOf((format) => subtitles.has(format.name)),
    groupOf((format) => !subtitles.has(format.name)),
  ]);
}

async function download(format, result) {
  try {
    const { blob, name } = await api.convert(result, format);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    toast(`${name} is downloaded.`);
  } catch (error) {
    tell(error);
  }
}

function sentenceCase(text) {
  return text[0].toUpperCase() + text.slice(1);
}
