// What the transcript shows, a row each: an utterance, or a turn where there are no words. Words
// become elements of their own only while their row is near the window: hours of speech have tens of
// thousands.

import { $, clock, el, fromTemplate, initials } from "./dom.js";
import { UNKNOWN } from "./corrections.js";

export const UNSURE_BELOW = 0.7; // confidence of a speaker label
export const FAINT_BELOW = 0.4; // probability of a word

/** The rows of a result: utterances, or turns as if each had one word that cannot be read. */
export function rowsOf(result) {
  if (result.utterances.length > 0 || result.turns.length === 0) return result.utterances;
  return result.turns.map((turn) => {
    const { start, end, speaker } = turn;
    const seconds = end - start;
    const text = seconds < 0.1 ? "speaks for a moment" : `speaks for ${seconds.toFixed(1)} s`;
    return { ...turn, text, words: [{ text, start, end, speaker, probability: 1, space_before: true }] };
  });
}

/** One row on the page. */
export class Row {
  constructor(utterance, hasWords) {
    this.utterance = utterance;
    this.item = fromTemplate("row-template");
    this.said = $(".said", this.item);
    this.words = null; // the words' elements, while there are any
    this.said.classList.toggle("turn-only", !hasWords);
    this.said.textContent = utterance.text;
    const { speaker, start, confidence } = utterance;
    $(".name", this.item).textContent = speaker;
    $(".badge", this.item).textContent = initials(speaker);
    $(".speaker", this.item).title = speaker;
    const time = $(".time", this.item);
    time.textContent = clock(start);
    time.setAttribute("aria-label", `Play from ${clock(start)}`);
    const unsure = confidence < UNSURE_BELOW && speaker !== UNKNOWN;
    this.item.classList.toggle("unsure", unsure);
    const tag = $(".unsure-tag", this.item);
    tag.hidden = !unsure;
    tag.title = `The service is ${Math.round(confidence * 100)} % sure that ${speaker} speaks here`;
  }

  setColour(colour) {
    this.item.dataset.colour = colour;
  }

  /** Make the words elements. */
  open(language) {
    if (this.words !== null) return this.words;
    if (language) this.said.lang = language;
    this.words = this.utterance.words.map(wordOf);
    const parts = this.words.flatMap((word, i) =>
      i > 0 && this.utterance.words[i].space_before ? [" ", word] : [word],
    );
    this.said.replaceChildren(...parts);
    return this.words;
  }

  /** Back to plain text. */
  close() {
    if (this.words === null || this.item.contains(document.activeElement)) return;
    this.words = null;
    this.said.textContent = this.utterance.text;
  }
}

function wordOf(word, index) {
  const faint = word.probability < FAINT_BELOW;
  const percent = Math.round(word.probability * 100);
  return el(
    "span",
    {
      "data-w": index,
      class: faint ? "faint-word" : null,
      title: faint ? `hard to understand: ${percent} % sure` : null,
    },
    word.text,
  );
}
