// The key of a service that wants one: asked for once, kept while the window is open.

import { html, useEffect, useRef, useState } from "./ui.js";
import { hasKey, keepKey, onKeyNeeded } from "./api.js";

/** `onKey` is called when a key has been given: whatever failed can be asked again. */
export function KeyDialog({ onKey }) {
  const dialog = useRef(null);
  const [refused, setRefused] = useState(false);
  useEffect(
    () =>
      onKeyNeeded(() => {
        setRefused(hasKey());
        if (!dialog.current.open) dialog.current.showModal();
      }),
    [],
  );
  const submit = (event) => {
    event.preventDefault();
    keepKey(event.currentTarget.elements.key.value.trim());
    dialog.current.close();
    onKey();
  };
  return html`<dialog ref=${dialog} aria-labelledby="key-heading">
    <form onSubmit=${submit}>
      <h2 id="key-heading">This service wants a key</h2>
      <p>
        ${refused ? "The key that was given isn’t the service’s. " : ""}Whoever runs it has one. It
        stays in this window and is forgotten with it.
      </p>
      <label for="api-key">API key</label>
      <input id="api-key" name="key" type="password" autocomplete="off" required />
      <button type="submit" class="first">Continue</button>
    </form>
  </dialog>`;
}
