// The state of the page is its address, so that a link shows a colleague the same view.

import { MODES, POOLS } from "./choices.js";
import { useEffect, useState } from "./ui.js";

export const VIEWS = ["compare", "catalog", "item", "quality"];

const between = (low, high) => (text) => {
  const value = Number(text);
  return text.trim() !== "" && value >= low && value <= high ? value : undefined;
};
const wholeFrom = (low, high) => (text) => {
  const value = between(low, high)(text);
  return Number.isInteger(value) ? value : undefined;
};
const oneOf = (values) => (text) => (values.includes(text) ? text : undefined);
const asText = (text) => text || undefined;

// name: [how it is read, what it is when it isn't in the address]
const SINGLE = {
  view: [oneOf(VIEWS), "compare"],
  user: [asText, null],
  text: [asText, null],
  by: [oneOf(["user", "history", "text"]), null],
  debias: [between(0, 1), null],
  pool: [oneOf(POOLS), "all"],
  k: [wholeFrom(1, 100), 10],
  mode: [oneOf(MODES), "fixed"],
  diversity: [between(0, 1), 0],
  seen: [oneOf(["yes"]), null],
  item: [asText, null],
  rank: [wholeFrom(1, Number.MAX_SAFE_INTEGER), null],
  bucket: [oneOf(POOLS), "all"],
  q: [asText, null],
};
// Given several times in the address: past items, oldest first; filters.
const LISTS = ["h", "where"];

/** Return the state that an address's query holds; what can't be read is as if it weren't there. */
export function readState(query) {
  const given = new URLSearchParams(query);
  const state = {};
  for (const [name, [read, otherwise]] of Object.entries(SINGLE)) {
    state[name] = (given.has(name) ? read(given.get(name)) : undefined) ?? otherwise;
  }
  for (const name of LISTS) state[name] = given.getAll(name).filter(Boolean);
  return state;
}

/** Return the query of a state; what is as usual isn't written. */
export function writeState(state) {
  const query = new URLSearchParams();
  for (const [name, [, otherwise]] of Object.entries(SINGLE)) {
    if (state[name] != null && state[name] !== otherwise) query.set(name, state[name]);
  }
  for (const name of LISTS) state[name].forEach((value) => query.append(name, value));
  const text = query.toString();
  return text ? `?${text}` : "";
}

/** Return where a link to the state with these changes leads. */
export const linkTo = (changes) =>
  `./${writeState({ ...readState(window.location.search), ...changes })}`;

const listeners = new Set();
const tellAll = () => listeners.forEach((listener) => listener());
window.addEventListener("popstate", tellAll);

/** Change the state; `replace` makes no new step of the browser's history (a slider's moves). */
export function navigate(changes, { replace = false } = {}) {
  const address = linkTo(changes);
  window.history[replace ? "replaceState" : "pushState"](null, "", address);
  tellAll();
}

/** Return the state, and render again whenever it changes. */
export function useUrlState() {
  const [state, setState] = useState(() => readState(window.location.search));
  useEffect(() => {
    const listen = () => setState(readState(window.location.search));
    listeners.add(listen);
    return () => listeners.delete(listen);
  }, []);
  return state;
}

/** Props of a link within the page: followed without loading it again. */
export function within(changes, { top = true } = {}) {
  return {
    href: linkTo(changes),
    onClick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
      event.preventDefault();
      navigate(changes);
      if (top) window.scrollTo(0, 0);
    },
  };
}
