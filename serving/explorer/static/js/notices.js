// What stands where there is nothing to show yet, or nothing at all.

import { html } from "./ui.js";

/** A calm box: a heading, what it means, and what to do. */
export function Notice({ heading, children, role }) {
  return html`<div class="notice" role=${role}>
    <h3>${heading}</h3>
    ${children}
  </div>`;
}

const HEADINGS = {
  unreachable: "No connection",
  unauthorized: "A key is needed",
  unknown_user: "No such user",
  unknown_item: "No such item",
  too_many_requests: "Too much at once",
  deadline: "It took too long",
  stopping: "The service is stopping",
};

// "...; near ones: a, b, c. For a new user ...": the ids that the engine suggests.
const NEAR = /near ones: (.+?)(?:\. |$)/;

/** The ids that an error's sentence suggests. */
export const nearIds = (error) => NEAR.exec(error.message)?.[1].split(", ") ?? [];

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/([^.!?])$/, "$1.");

/** A failure in the service's own sentence, with another try and, for ids, with near ones. */
export function Failure({ error, again, near }) {
  const ids = near ? nearIds(error) : [];
  const text = ids.length ? error.message.replace(/;? ?near ones: .*$/, "") : error.message;
  const heading =
    HEADINGS[error.code] ?? (error.status >= 500 ? "The service failed" : "That can't be answered");
  return html`<${Notice} heading=${heading} role="alert">
    <p>${sentence(text)}</p>
    ${
      ids.length > 0 &&
      html`<p>
        Did you mean
        ${ids.map((id) => html` <button type="button" onClick=${() => near(id)}>${id}</button>`)}?
      </p>`
    }
    ${
      again &&
      (error.status === 0 || error.status === 429 || error.status >= 500) &&
      html`<p><button type="button" onClick=${again}>Try again</button></p>`
    }
  <//>`;
}

/** Grey shapes in the place of what is being loaded. */
export function Skeleton({ lines = 5, kind = "row" }) {
  return html`<div class="skeletons ${kind}" aria-hidden="true">
    ${Array.from({ length: lines }, (_, i) => html`<div key=${i} class="skeleton"></div>`)}
  </div>`;
}
