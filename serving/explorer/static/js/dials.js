// The dials of a comparison: strength, pool, length, filters, and the rarer ones tucked away.

import { html, useEffect, useId, useState } from "./ui.js";
import { read } from "./api.js";
import { strength } from "./numbers.js";
import { useResource } from "./resource.js";
import { MODES, POOLS } from "./choices.js";
import { navigate } from "./url_state.js";

const POOL_WORDS = {
  tail: "tail and cold",
  all: "all items",
  cold: "cold only",
  head: "head only",
};
const MODE_WORDS = {
  fixed: "the same for everybody",
  "per-user": "more for niche users",
  profile: "as popular as the history",
};
// In a template they would open a tag.
const OPERATORS = "= != < <= > >= ~ in (A, B)";
const LENGTHS = [5, 10, 20, 50];

function spoken(value) {
  if (value === 0) return "0, the most probable items";
  return value === 1 ? "1, popularity taken out" : strength(value);
}

/** The strength; `used` is what the service takes by itself. */
export function StrengthSlider({ state, used }) {
  const id = useId();
  const value = state.debias ?? used ?? 0;
  const move = (event) =>
    navigate({ debias: Number(event.currentTarget.value) }, { replace: true });
  return html`<div class="strength">
    <label for=${id}>Debiasing <output for=${id}>${strength(value)}</output></label>
    <input
      id=${id}
      type="range"
      min="0"
      max="1"
      step="0.05"
      value=${value}
      aria-valuetext=${spoken(value)}
      onInput=${move}
    />
    <div class="ends" aria-hidden="true">
      <span>0 most probable</span><span>popularity taken out 1</span>
    </div>
    ${
      state.debias != null &&
      html`<button type="button" class="quiet" onClick=${() => navigate({ debias: null })}>
        back to the tuned strength
      </button>`
    }
  </div>`;
}

const Choice = ({ label, value, options, words, onChoose }) => {
  const id = useId();
  return html`<div class="choice">
    <label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChoose(event.currentTarget.value)}>
      ${options.map(
        (option) =>
          html`<option key=${option} value=${option} selected=${option === value}>
            ${words?.[option] ?? option}
          </option>`,
      )}
    </select>
  </div>`;
};

export function Dials({ state, used, isText }) {
  const lengths = LENGTHS.includes(state.k) ? LENGTHS : [...LENGTHS, state.k].sort((a, b) => a - b);
  // Open from the start where a link sets what lies within; from then on it is the person's.
  const [open] = useState(
    state.where.length > 0 || state.mode !== "fixed" || state.diversity > 0 || Boolean(state.seen),
  );
  return html`<section class="dials" aria-label="Dials">
    <${StrengthSlider} state=${state} used=${used} />
    <${Choice}
      label="From"
      value=${state.pool}
      options=${POOLS}
      words=${POOL_WORDS}
      onChoose=${(pool) => navigate({ pool })}
    />
    <${Choice}
      label="Items"
      value=${state.k}
      options=${lengths}
      onChoose=${(k) => navigate({ k: Number(k) })}
    />
    <details class="more" open=${open}>
      <summary>
        ${"Filters and more"}
        ${state.where.length > 0 && html`${" "}<span class="count">${state.where.length}</span>`}
      </summary>
      <div class="panel">
        <${Filters} where=${state.where} />
        ${
          !isText &&
          html`<div class="row">
            <${Choice}
              label="Debiasing is"
              value=${state.mode}
              options=${MODES}
              words=${MODE_WORDS}
              onChoose=${(mode) => navigate({ mode })}
            />
            <${Diversity} value=${state.diversity} />
            <label class="tick">
              <input
                type="checkbox"
                checked=${state.seen === "yes"}
                onChange=${(event) => navigate({ seen: event.currentTarget.checked ? "yes" : null })}
              />
              items of the history too
            </label>
          </div>`
        }
      </div>
    </details>
  </section>`;
}

function Diversity({ value }) {
  const id = useId();
  return html`<div class="choice">
    <label for=${id}>Diversity <output>${strength(value)}</output></label>
    <input
      id=${id}
      type="range"
      min="0"
      max="1"
      step="0.1"
      value=${value}
      onInput=${(event) =>
        navigate({ diversity: Number(event.currentTarget.value) }, { replace: true })}
    />
  </div>`;
}

function Filters({ where }) {
  const [typed, setTyped] = useState("");
  const id = useId();
  const { data } = useResource("columns", (signal) => read("v1/catalog/columns", {}, signal));
  useEffect(() => setTyped(""), [where.length]);
  const add = (event) => {
    event.preventDefault();
    if (typed.trim()) navigate({ where: [...where, typed.trim()] });
  };
  return html`<div class="filters">
    <form class="row" onSubmit=${add}>
      <div class="combobox">
        <label for=${id}>Only items with</label>
        <input
          id=${id}
          type="text"
          autocomplete="off"
          spellcheck=${false}
          placeholder="price<20"
          value=${typed}
          onInput=${(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      <button type="submit">Filter</button>
    </form>
    ${
      where.length > 0 &&
      html`<ul class="chips" aria-label="Filters in force">
        ${where.map(
          (clause, i) =>
            html`<li key=${clause}>
              <code>${clause}</code>
              <button
                type="button"
                class="quiet"
                onClick=${() => navigate({ where: where.filter((_, j) => j !== i) })}
              >
                <span aria-hidden="true">×</span><span class="unseen">Remove filter ${clause}</span>
              </button>
            </li>`,
        )}
      </ul>`
    }
    ${
      data &&
      html`<p class="help">
        Try${" "}
        ${data.columns.map(
          (column) =>
            html`<button
                key=${column.name}
                type="button"
                class="quiet"
                title=${`${column.name} (${column.kind}): ${column.examples.join(", ")}`}
                onClick=${() => setTyped(column.condition)}
              >
                <code>${column.condition}</code></button
              >${" "}`,
        )}
        · <code>${OPERATORS}</code>, joined by <code>and</code>
      </p>`
    }
  </div>`;
}
