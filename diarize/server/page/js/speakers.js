// Figures about the speakers of a result, also in words for those who do not see the lanes.

import { hasUnknown, speakersOf, UNKNOWN } from "./corrections.js";
import { spokenTime } from "./dom.js";

/** Everybody with a lane; UNKNOWN comes last. */
export function lanesOf(result) {
  return [...speakersOf(result), ...(hasUnknown(result) ? [UNKNOWN] : [])];
}

/** {seconds, turns, shares} by speaker, and how long several speak at once. */
export function figures(result) {
  const names = lanesOf(result);
  const seconds = new Map(names.map((name) => [name, 0]));
  const turns = new Map(names.map((name) => [name, 0]));
  for (const { speaker, start, end } of result.turns) {
    seconds.set(speaker, seconds.get(speaker) + end - start);
    turns.set(speaker, turns.get(speaker) + 1);
  }
  const all = [...seconds.values()].reduce((sum, one) => sum + one, 0) || 1;
  const shares = new Map(names.map((name) => [name, seconds.get(name) / all]));
  return { seconds, turns, shares, overlap: overlapOf(result.turns) };
}

function overlapOf(turns) {
  const edges = turns.flatMap(({ start, end }) => [[start, 1], [end, -1]]);
  edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [speaking, since, total] = [0, 0, 0];
  for (const [at, change] of edges) {
    if (speaking > 1) total += at - since;
    speaking += change;
    since = at;
  }
  return total;
}

/** What the lanes show, as sentences. */
export function inWords({ seconds, turns, shares, overlap }) {
  const of = (name) => {
    const many = turns.get(name) === 1 ? "1 turn" : `${turns.get(name)} turns`;
    const percent = Math.round(shares.get(name) * 100);
    return `${name}: ${spokenTime(seconds.get(name))} in ${many}, ${percent} % of the talk.`;
  };
  const together = overlap >= 0.5 ? `Several at once: ${spokenTime(overlap)}.` : "";
  return [...[...seconds.keys()].map(of), together].join(" ").trim();
}

export function factsOf(result, { overlap }) {
  const count = speakersOf(result).length;
  const facts = [spokenTime(result.duration), count === 1 ? "1 speaker" : `${count} speakers`];
  if (result.language) {
    const names = new Intl.DisplayNames("en", { type: "language" });
    facts.push(names.of(result.language));
  }
  if (overlap >= 0.5) facts.push(`${spokenTime(overlap)} overlapping`);
  return facts.join(" · ");
}

/** Who speaks at a time. */
export function speakingAt(result, seconds) {
  const now = result.turns.filter((turn) => turn.start <= seconds && seconds < turn.end);
  return [...new Set(now.map((turn) => turn.speaker))];
}
