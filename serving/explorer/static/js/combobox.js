// A field that suggests while one types (the combobox pattern of the ARIA practices).

import { html, useEffect, useId, useState } from "./ui.js";
import { useResource } from "./resource.js";

/**
 * `search(words, signal)` gives suggestions, `show` draws one, `choose` takes it; `submit` takes
 * what was typed when nothing is chosen. The field is emptied after either.
 */
export function Combobox({ label, placeholder, search, show, keyOf, choose, submit, nothing }) {
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const id = useId();
  const words = typed.trim();
  const { data, error } = useResource(
    words ? `${label} ${words}` : null,
    (signal) => search(words, signal),
    { wait: 120 },
  );
  useEffect(() => setActive(-1), [data]);
  const options = data ?? [];
  const take = (option) => {
    setTyped("");
    setOpen(false);
    choose(option);
  };
  const enter = () => {
    if (active >= 0 && options[active]) take(options[active]);
    else if (submit && words) {
      setTyped("");
      setOpen(false);
      submit(words);
    } else if (options.length) take(options[0]);
  };
  const onKeyDown = (event) => {
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves && options.length) {
      event.preventDefault();
      setOpen(true);
      const next = active + moves[event.key];
      setActive(Math.max(-1, Math.min(options.length - 1, next)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      enter();
    } else if (event.key === "Escape") {
      setOpen(false);
      setActive(-1);
    }
  };
  const shown = open && words && (data || error);
  return html`<div class="combobox">
    <label for=${id}>${label}</label>
    <input
      id=${id}
      type="text"
      role="combobox"
      autocomplete="off"
      spellcheck=${false}
      placeholder=${placeholder}
      value=${typed}
      aria-expanded=${shown ? "true" : "false"}
      aria-controls=${`${id}-list`}
      aria-autocomplete="list"
      aria-activedescendant=${active >= 0 ? `${id}-${active}` : undefined}
      onInput=${(event) => {
        setTyped(event.currentTarget.value);
        setOpen(true);
      }}
      onKeyDown=${onKeyDown}
      onFocus=${() => setOpen(true)}
      onBlur=${() => setOpen(false)}
    />
    <ul id=${`${id}-list`} role="listbox" aria-label=${label} hidden=${!shown}>
      ${options.map(
        (option, i) =>
          html`<li
            key=${keyOf(option)}
            id=${`${id}-${i}`}
            role="option"
            aria-selected=${i === active ? "true" : "false"}
            onMouseDown=${(event) => {
              event.preventDefault(); // the field keeps the focus
              take(option);
            }}
          >
            ${show(option)}
          </li>`,
      )}
      ${data && !options.length && html`<li class="none">${nothing}</li>`}
      ${error && html`<li class="none">${error.message}</li>`}
    </ul>
  </div>`;
}
