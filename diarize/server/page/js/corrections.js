// What a person may change in a result, as commands that can be undone, redone and kept.
//
// A result is the service's JSON (`format: "diarize"`) and is never changed in place: each command
// gives a new one that shares whatever stayed as it was. Commands:
//   {type: "rename", from, to}        a speaker; where `to` exists already the two are merged
//   {type: "words", first, last, to}  words first…last to a speaker; places are [utterance, word]
//   {type: "turn", index, to}         a turn, where there are no words

export const UNKNOWN = "UNKNOWN";

const PAUSE_S = 2; // what the pipeline takes for the end of an utterance
const LONG_S = 20;
const SHORT_S = 2;
const TOUCHING_S = 0.001;
const LEAST_S = 0.01; // of a turn made of words: some words begin and end at once

/** The result after a command. */
export function apply(result, command) {
  if (command.type === "rename") return rename(result, command.from, command.to);
  if (command.type === "words") return moveWords(result, command.first, command.last, command.to);
  if (command.type === "turn") return moveTurn(result, command.index, command.to);
  throw new Error(`no such correction: ${command.type}`);
}

/** Labels in order of first appearance, without UNKNOWN. */
export function speakersOf(result) {
  const found = new Set(result.turns.map((turn) => turn.speaker));
  for (const utterance of result.utterances) found.add(utterance.speaker);
  found.delete(UNKNOWN);
  return [...found];
}

export function hasUnknown(result) {
  const unknown = (one) => one.speaker === UNKNOWN;
  return result.turns.some(unknown) || result.utterances.some(unknown);
}

/** A result and what was done to it. */
export class History {
  constructor(original, commands = []) {
    this.states = [original];
    this.commands = [];
    this.position = 0; // how many of the commands are in force
    for (const command of commands) this.do(command);
  }

  get result() {
    return this.states[this.position];
  }

  get inForce() {
    return this.commands.slice(0, this.position);
  }

  get canUndo() {
    return this.position > 0;
  }

  get canRedo() {
    return this.position < this.commands.length;
  }

  do(command) {
    const next = withSpeakers(apply(this.result, command));
    this.states.splice(this.position + 1, Infinity, next);
    this.commands.splice(this.position, Infinity, command);
    this.position += 1;
  }

  undo() {
    if (this.canUndo) this.position -= 1;
  }

  redo() {
    if (this.canRedo) this.position += 1;
  }

  /** What the speaker whom the service called `label` is called now. */
  nameOf(label) {
    const follow = (name, { type, from, to }) => (type === "rename" && name === from ? to : name);
    return this.inForce.reduce(follow, label);
  }

  /** A number for each speaker that stays theirs under every name: their colour. */
  colours() {
    const colours = new Map(speakersOf(this.states[0]).map((speaker, i) => [speaker, i]));
    for (const { type, from, to } of this.inForce) {
      if (to === UNKNOWN || colours.has(to)) continue;
      colours.set(to, type === "rename" && colours.has(from) ? colours.get(from) : colours.size);
    }
    return colours;
  }
}

/** What follows from the turns. A name given by hand is none that was known by the voice. */
function withSpeakers(result) {
  const speakers = speakersOf(result);
  const names = (result.names ?? []).filter((known) => speakers.includes(known.name));
  return { ...result, speakers, ...(result.names && { names }) };
}

function rename(result, from, to) {
  if (from === to) return result;
  const merging = to === UNKNOWN || speakersOf(result).includes(to);
  const label = (one) => (one.speaker === from ? { ...one, speaker: to } : one);
  const spoken = (utterance) =>
    utterance.speaker === from ? relabelled(utterance, to, utterance.confidence) : utterance;
  const turns = result.turns.map(label);
  const exclusive = result.exclusive.map(label);
  const utterances = result.utterances.map(spoken);
  return {
    ...result,
    turns: merging ? joinTurns(turns) : turns,
    exclusive: merging ? joinTurns(exclusive) : exclusive,
    utterances: merging ? joinUtterances(utterances, 0, utterances.length) : utterances,
  };
}

function moveTurn(result, index, to) {
  const turn = result.turns[index];
  const span = { start: turn.start, end: turn.end, from: turn.speaker, to };
  const others = result.turns.filter((t, i) => i !== index);
  return {
    ...result,
    turns: joinTurns([...others, { ...turn, speaker: to, confidence: 1 }]),
    exclusive: joinTurns(hold(result.exclusive, span, [])),
  };
}

function moveWords(result, [u0, w0], [u1, w1], to) {
  const parts = [];
  const spans = [];
  for (let u = u0; u <= u1; u += 1) {
    const utterance = result.utterances[u];
    const begin = u === u0 ? w0 : 0;
    const end = u === u1 ? w1 + 1 : utterance.words.length;
    parts.push(...split(utterance, begin, end, to));
    const times = spanOf(utterance.words.slice(begin, end), result.duration);
    const span = { ...times, from: utterance.speaker, to };
    if (span.from !== to) spans.push(span);
  }
  if (spans.length === 0) return result;
  const before = result.utterances.slice(0, u0);
  const after = result.utterances.slice(u1 + 1);
  const utterances = joinUtterances([...before, ...parts, ...after], u0 - 1, u0 + parts.length);
  let { turns, exclusive } = result;
  for (const span of spans) {
    const words = wordsOf(utterances, span.from);
    turns = relabel(turns, span, words) ?? [...turns, turnOf(span)];
    exclusive = hold(exclusive, span, words);
  }
  return { ...result, utterances, turns: joinTurns(turns), exclusive: joinTurns(exclusive) };
}

function spanOf(words, duration) {
  const start = Math.max(0, Math.min(words[0].start, duration - LEAST_S));
  return { start, end: Math.max(words.at(-1).end, start + LEAST_S) };
}

/** An utterance in up to three parts, of which that with words begin…end−1 goes to `to`. */
function split(utterance, begin, end, to) {
  if (utterance.speaker === to) return [utterance];
  const { words } = utterance;
  const parts = [];
  if (begin > 0) parts.push(part(utterance, words.slice(0, begin)));
  parts.push(relabelled(part(utterance, words.slice(begin, end)), to, 1));
  if (end < words.length) parts.push(part(utterance, words.slice(end)));
  return parts;
}

function part(utterance, words) {
  return {
    ...utterance,
    start: words[0].start,
    end: words.at(-1).end,
    text: joinWords(words),
    words,
  };
}

function relabelled(utterance, speaker, confidence) {
  const words = utterance.words.map((word) => ({ ...word, speaker }));
  return { ...utterance, speaker, confidence, words };
}

export function joinWords(words) {
  return words.map((word) => (word.space_before ? " " : "") + word.text).join("").trim();
}

/** Turns of `span.from` within the span go to `span.to`; null where there are none.
 *
 * What is left of such a turn goes along where `words`, those of `span.from`, do not reach: moving
 * all that somebody says in a turn moves the whole turn. */
function relabel(turns, span, words) {
  let found = false;
  const next = turns.flatMap((turn) => {
    if (turn.speaker !== span.from || turn.end <= span.start || turn.start >= span.end) return [turn];
    found = true;
    let start = Math.max(turn.start, span.start);
    let end = Math.min(turn.end, span.end);
    if (!saysAny(words, turn.start, start)) start = turn.start;
    if (!saysAny(words, end, turn.end)) end = turn.end;
    const pieces = [{ ...turn, start, end, speaker: span.to, confidence: 1 }];
    if (turn.start < start) pieces.unshift({ ...turn, end: start });
    if (end < turn.end) pieces.push({ ...turn, start: end });
    return pieces;
  });
  return found ? next : null;
}

/** The same for turns that never overlap: where `span.from` has none there, others make room. */
function hold(turns, span, words) {
  const given = relabel(turns, span, words);
  if (given !== null) return given;
  const others = turns.flatMap((turn) => {
    if (turn.end <= span.start || turn.start >= span.end) return [turn];
    const pieces = [];
    if (turn.start < span.start) pieces.push({ ...turn, end: span.start });
    if (turn.end > span.end) pieces.push({ ...turn, start: span.end });
    return pieces;
  });
  return [...others, turnOf(span)];
}

function turnOf({ start, end, to }) {
  return { start, end, speaker: to, confidence: 1 };
}

function wordsOf(utterances, speaker) {
  return utterances.flatMap((one) => (one.speaker === speaker ? one.words : []));
}

function saysAny(words, start, end) {
  return words.some((word) => {
    const middle = (word.start + word.end) / 2;
    return start <= middle && middle < end;
  });
}

/** Sorted, and turns of one speaker that touch or overlap made one. */
function joinTurns(turns) {
  const order = (a, b) => a.start - b.start || a.end - b.end || (a.speaker < b.speaker ? -1 : 1);
  const joined = [];
  const last = new Map(); // speaker → where in `joined`
  for (const turn of [...turns].sort(order)) {
    const at = last.get(turn.speaker);
    const before = joined[at];
    if (before !== undefined && turn.start <= before.end + TOUCHING_S) {
      joined[at] = {
        ...before,
        end: Math.max(before.end, turn.end),
        confidence: mean(before, turn, (one) => one.end - one.start),
      };
    } else {
      last.set(turn.speaker, joined.push(turn) - 1);
    }
  }
  return joined.sort(order);
}

/** Neighbours between the indices `from` and `to` that one speaker says in one breath made one. */
function joinUtterances(utterances, from, to) {
  const joined = utterances.slice(0, Math.max(0, from));
  const first = joined.length;
  for (const utterance of utterances.slice(first, to + 1)) {
    const before = joined.length > first ? joined.at(-1) : undefined;
    if (before !== undefined && inOneBreath(before, utterance)) {
      const words = [...before.words, ...utterance.words];
      const confidence = mean(before, utterance, (one) => one.words.length);
      joined[joined.length - 1] = { ...part(before, words), confidence };
    } else {
      joined.push(utterance);
    }
  }
  return [...joined, ...utterances.slice(to + 1)];
}

function inOneBreath(a, b) {
  if (a.speaker !== b.speaker || b.start - a.end >= PAUSE_S) return false;
  const shorter = Math.min(a.end - a.start, b.end - b.start);
  return b.end - a.start <= LONG_S || shorter <= SHORT_S;
}

function mean(a, b, weigh) {
  const [first, second] = [weigh(a), weigh(b)];
  if (first + second === 0) return Math.min(a.confidence, b.confidence);
  return (a.confidence * first + b.confidence * second) / (first + second);
}
