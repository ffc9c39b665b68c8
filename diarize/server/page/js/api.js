// The service's calls. Every failure is an ApiError with one sentence for people.

const KEY = "diarize-api-key";
const ENDED = new Set(["done", "failed", "cancelled"]);

export class ApiError extends Error {
  constructor(message, status = 0, retryAfterS = 0) {
    super(message);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

let askForKey = async () => null;
let asking = null;

/** `ask(wrong)` lets the person type a key and gives it, or null. */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

export function hasKey() {
  return sessionStorage.getItem(KEY) !== null;
}

function headers() {
  const key = sessionStorage.getItem(KEY);
  if (key === null) return {};
  const bytes = new TextEncoder().encode(key); // headers are bytes; the service compares UTF-8
  return { Authorization: `Bearer ${String.fromCharCode(...bytes)}` };
}

/** Do `attempt`; as long as the service wants a key, ask for one and do it again. */
async function withKey(attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      asking ??= askForKey(hasKey()).finally(() => {
        asking = null;
      });
      const key = await asking;
      if (key === null) throw new ApiError("This service wants an API key.", 401);
      sessionStorage.setItem(KEY, key);
    }
  }
}

function request(path, options = {}) {
  return withKey(async () => {
    let response;
    try {
      const all = { ...options.headers, ...headers() };
      response = await fetch(path, { ...options, headers: all, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The service does not answer. Is it running?");
    }
    if (response.ok) return response;
    throw failure(response.status, await response.text(), response.headers.get("Retry-After"));
  });
}

function failure(status, text, retryAfter) {
  return new ApiError(sentence(status, text), status, Number(retryAfter) || 0);
}

function sentence(status, text) {
  let message = null;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // not from the service itself: a proxy, say
  }
  if (typeof message !== "string" || message === "") return `The service answered ${status}.`;
  message = message[0].toUpperCase() + message.slice(1);
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}

function post(path, body) {
  const type = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers: type, body: JSON.stringify(body) });
}

async function json(pending) {
  return (await pending).json();
}

const at = (id) => `v1/jobs/${encodeURIComponent(id)}`;

export const options = () => json(request("v1/options"));
export const jobs = async () => (await json(request("v1/jobs?limit=100"))).jobs;
export const job = (id) => json(request(at(id)));
export const result = (id) => json(request(`${at(id)}/result?format=json`));
export const voices = async (id) => (await json(request(`${at(id)}/speakers`))).speakers;
export const remember = (id, speaker, name) => post(`${at(id)}/voices`, { names: { [speaker]: name } });
export const cancel = (id) => json(request(`${at(id)}/cancel`, { method: "POST" }));
export const remove = (id) => request(at(id), { method: "DELETE" });

/** The fields that this service takes with a recording. */
export async function submitFields() {
  const document = await json(request("openapi.json"));
  const body = document.paths["/v1/jobs"].post.requestBody.content["multipart/form-data"].schema;
  const name = body.$ref?.split("/").at(-1);
  return new Set(Object.keys((name ? document.components.schemas[name] : body).properties));
}

/** A result in any format: {blob, name}. */
export async function convert(document, format) {
  const response = await post(`v1/convert?format=${encodeURIComponent(format)}`, document);
  const told = response.headers.get("Content-Disposition") ?? "";
  const name = decodeURIComponent(/filename\*=UTF-8''([^;]+)/.exec(told)?.[1] ?? "result");
  return { blob: await response.blob(), name };
}

/** Send a recording; `fields` as the service names them. Gives the job. */
export function submit(file, fields, { signal, onSent }) {
  return withKey(
    () =>
      new Promise((resolve, reject) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.append(name, value);
        form.append("file", file, file.name);
        const sending = new XMLHttpRequest(); // fetch does not tell how much has been sent
        sending.open("POST", "v1/jobs");
        for (const [name, value] of Object.entries(headers())) sending.setRequestHeader(name, value);
        sending.upload.addEventListener("progress", (e) => onSent(e.total ? e.loaded / e.total : 0));
        sending.addEventListener("load", () => {
          const { status, responseText } = sending;
          if (status === 202) resolve(JSON.parse(responseText));
          else reject(failure(status, responseText, sending.getResponseHeader("Retry-After")));
        });
        sending.addEventListener("error", () =>
          reject(new ApiError("The connection to the service broke while sending.")),
        );
        const abort = () => {
          sending.abort();
          reject(new DOMException("not wanted any more", "AbortError"));
        };
        if (signal.aborted) return abort();
        signal.addEventListener("abort", abort, { once: true });
        sending.send(form);
      }),
  );
}

/** Follow a job until it has ended; `onView` gets it whenever it changes. */
export async function follow(id, onView, signal) {
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    try {
      const response = await request(`${at(id)}/events`, { signal });
      for await (const view of events(response.body)) {
        wait = 1;
        onView(view);
        if (ENDED.has(view.state)) return;
      }
    } catch (error) {
      if (signal.aborted || error.name === "AbortError" || error.status === 404) throw error;
      if (error.status === 401) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, wait * 1000)); // the service restarts, say
  }
}

async function* events(body) {
  let text = "";
  for await (const chunk of chunks(body.pipeThrough(new TextDecoderStream()))) {
    text += chunk;
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const event of whole) if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
  }
}

async function* chunks(stream) {
  const reader = stream.getReader(); // Safari cannot iterate over streams
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have broken already, which was told by then
  }
}
