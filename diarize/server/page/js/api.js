// The service's calls. Every failure is an ApiError with one sentence for people.

const KEY = "diarize-api-key";
const UNREACHABLE = "The service does not answer. Is it running?";
const LOOK_WITHIN_S = 15;

export const MOST_LISTED = 100;

export class ApiError extends Error {
  constructor(message, status = 0, code = "", retryAfterS = 0) {
    super(message);
    this.status = status; // 0: no answer
    this.code = code;
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

function request(path, { withinS, ...options } = {}) {
  return withKey(async () => {
    let response;
    try {
      const all = { ...options.headers, ...headers() };
      const signal = withinS && AbortSignal.timeout(withinS * 1000);
      response = await fetch(path, { ...options, signal, headers: all, cache: "no-store" });
    } catch {
      throw new ApiError(UNREACHABLE);
    }
    if (response.ok) return response;
    const text = await response.text().catch(() => "");
    throw failure(response.status, text, response.headers.get("Retry-After"));
  });
}

function failure(status, text, retryAfter) {
  let told = {};
  try {
    told = JSON.parse(text).error ?? {};
  } catch {
    // not from the service itself: a proxy, say
  }
  return new ApiError(sentence(status, told.message), status, told.code, Number(retryAfter) || 0);
}

function sentence(status, message) {
  if (typeof message !== "string" || message === "") return `The service answered ${status}.`;
  message = message[0].toUpperCase() + message.slice(1);
  return /[.!?…]$/.test(message) ? message : `${message}.`;
}

function post(path, body) {
  const type = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers: type, body: JSON.stringify(body) });
}

async function json(pending) {
  const response = await pending;
  try {
    return await response.json();
  } catch {
    throw new ApiError(UNREACHABLE); // it died while it answered
  }
}

const at = (id) => `v1/jobs/${encodeURIComponent(id)}`;

export const options = () => json(request("v1/options"));
export const ready = () => request("readyz");
export const job = (id) => json(request(at(id)));
export const result = (id) => json(request(`${at(id)}/result?format=json`));
export const voices = async (id) => (await json(request(`${at(id)}/speakers`))).speakers;
export const remember = (id, speaker, name) => post(`${at(id)}/voices`, { names: { [speaker]: name } });
export const cancel = (id) => json(request(`${at(id)}/cancel`, { method: "POST" }));
export const remove = (id) =>
  request(at(id), { method: "DELETE" }).catch((error) => {
    if (error.status !== 404) throw error; // deleted elsewhere: just as well
  });

/** The newest ones, or those that came before one; the newest first. */
export async function jobs(before = null) {
  const beyond = before === null ? "" : `&before=${encodeURIComponent(before)}`;
  const path = `v1/jobs?limit=${MOST_LISTED}${beyond}`;
  return (await json(request(path, { withinS: LOOK_WITHIN_S }))).jobs;
}

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
