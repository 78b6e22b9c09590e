// Whose list: a user by id or at random, a typed history, or a free text.

import { html, useState } from "./ui.js";
import { inPath, read } from "./api.js";
import { Combobox } from "./combobox.js";
import { Popularity, titleOf } from "./cards.js";
import { counted, percentile } from "./numbers.js";
import { navigate } from "./url_state.js";

const KINDS = { user: "A user", history: "A history", text: "A free text" };

/** Changes of the state that make this user the one who is asked about. */
export const asUser = (user) => ({ view: "compare", by: null, user, h: [], text: null });

/** The kind of asking that a state is at. */
export const kindOf = (state) =>
  state.by ?? (state.user ? "user" : state.h.length ? "history" : state.text ? "text" : "user");

/** What a request says of whom it is for; null while nobody is chosen. */
export function whoOf(state) {
  const kind = kindOf(state);
  if (kind === "user") return state.user ? { user_id: state.user } : null;
  if (kind === "history") return state.h.length ? { history: state.h } : null;
  return state.text ? { text: state.text } : null;
}

export const findItems = async (words, signal, bucket) =>
  (await read("v1/items", { search: words, limit: 12, bucket }, signal)).items;

const findUsers = async (words, signal) =>
  (await read("v1/users", { search: words, limit: 12 }, signal)).users;

/** The user in whole: history and popularity. */
export const readUser = (user, signal) => read(`v1/users/${inPath(user)}`, {}, signal);

export function PersonPicker({ state }) {
  const kind = kindOf(state);
  return html`<section class="picker" aria-label="Whose recommendations">
    <div class="choices" role="group" aria-label="Recommend for">
      ${Object.entries(KINDS).map(
        ([name, label]) =>
          html`<button
            key=${name}
            type="button"
            aria-pressed=${name === kind ? "true" : "false"}
            onClick=${() => navigate({ by: name })}
          >
            ${label}
          </button>`,
      )}
    </div>
    ${kind === "user" && html`<${UserChoice} first=${!state.user} />`}
    ${kind === "history" && html`<${HistoryChoice} state=${state} />`}
    ${kind === "text" && html`<${TextChoice} key=${state.text} text=${state.text} />`}
  </section>`;
}

function UserChoice({ first }) {
  const [failed, setFailed] = useState(null);
  const draw = async (wanted) => {
    setFailed(null);
    try {
      const { users } = await read("v1/users", { kind: wanted, limit: 1 });
      if (users.length) navigate(asUser(users[0].user_id));
      else setFailed(`No user of this log is ${wanted}.`);
    } catch (error) {
      setFailed(error.message);
    }
  };
  return html`<div class="row">
    <${Combobox}
      label="Find a user"
      placeholder="part of an id"
      search=${findUsers}
      keyOf=${(user) => user.user_id}
      show=${(user) =>
        html`<b>${user.user_id}</b>
          <span
            >${counted(user.history_length, "item")}, average percentile
            ${percentile(user.popularity_percentile)}</span
          >`}
      choose=${(user) => navigate(asUser(user.user_id))}
      submit=${(typed) => navigate(asUser(typed))}
      nothing="No user's id holds this."
    />
    <span class="or">or</span>
    <button
      type="button"
      class=${first ? "first" : ""}
      title="One of the fifth of users who take the rarest items"
      onClick=${() => draw("niche")}
    >
      random niche user
    </button>
    <button
      type="button"
      title="One of the fifth of users who take the most popular items"
      onClick=${() => draw("mainstream")}
    >
      random mainstream user
    </button>
    ${failed && html`<p role="alert" class="failed">${failed}</p>`}
  </div>`;
}

function HistoryChoice({ state }) {
  const add = (item) =>
    navigate({ by: "history", user: null, text: null, h: [...state.h, item.item_id] });
  return html`<div class="row">
    <${Combobox}
      label="Add an item"
      placeholder="words of a title, or an id"
      search=${findItems}
      keyOf=${(item) => item.item_id}
      show=${(item) => html`<b>${titleOf(item)}</b> <${Popularity} value=${item.popularity_percentile} />`}
      choose=${add}
      nothing="No item has these words."
    />
    ${
      state.h.length > 0 &&
      html`<button type="button" onClick=${() => navigate({ by: "history", h: [] })}>
        start over
      </button>`
    }
  </div>`;
}

function TextChoice({ text }) {
  const ask = (event) => {
    event.preventDefault();
    const wanted = event.currentTarget.elements.text.value.trim();
    if (wanted) navigate({ by: null, user: null, h: [], text: wanted });
  };
  return html`<form class="row" onSubmit=${ask}>
    <div class="combobox wide">
      <label for="free-text">Describe what is wanted</label>
      <input
        id="free-text"
        name="text"
        type="text"
        maxlength="500"
        defaultValue=${text ?? ""}
        placeholder="a present for somebody who bakes bread"
      />
    </div>
    <button type="submit" class="first">Ask</button>
  </form>`;
}
