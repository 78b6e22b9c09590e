// The service as the page asks it: JSON in, JSON out, every failure one ApiError.

const KEY = "longtail-api-key";

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const keyListeners = new Set();

/** Call back when the service asks for a key; return how to stop listening. */
export function onKeyNeeded(listener) {
  keyListeners.add(listener);
  return () => keyListeners.delete(listener);
}

/** Keep the key until the window is closed. */
export const keepKey = (key) => window.sessionStorage.setItem(KEY, key);
export const hasKey = () => window.sessionStorage.getItem(KEY) != null;

async function ask(path, options) {
  const headers = { Accept: "application/json" };
  const key = window.sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  if (options.body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(
      0,
      "unreachable",
      "The service doesn't answer. It may be stopped, or starting: `longtail serve` runs it.",
    );
  }
  let body = null;
  try {
    body = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (answer.ok && body) return body;
  if (answer.status === 401) keyListeners.forEach((listener) => listener());
  throw new ApiError(
    answer.status,
    body?.error?.code ?? "no_answer",
    body?.error?.message ?? `The service answered with status ${answer.status} and no reason.`,
  );
}

/** GET a path with parameters; lists are given several times, null is left out. */
export function read(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each != null) query.append(name, each);
    }
  }
  const text = query.toString();
  return ask(text ? `${path}?${text}` : path, { signal });
}

/** POST a JSON body. */
export const send = (path, body, signal = undefined) =>
  ask(path, { method: "POST", body: JSON.stringify(body), signal });

/** Ids may hold slashes and question marks. */
export const inPath = (id) => id.split("/").map(encodeURIComponent).join("/");
