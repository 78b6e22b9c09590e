// Items as cards: in a history, in a list of recommendations, on a shelf.

import { html } from "./ui.js";
import { percentile, probability } from "./numbers.js";
import { within } from "./url_state.js";
import { Movement } from "./movement.js";

const CATEGORY_COLUMNS = ["category", "categories", "main_category", "genres", "genre", "brand"];

/** The catalog's own word for what kind of thing an item is; "" where it has none. */
export function categoryOf(card) {
  for (const name of CATEGORY_COLUMNS) {
    const value = card?.attributes?.[name];
    const parts = Array.isArray(value) ? value : String(value ?? "").split(/\s*[>|;]\s*/);
    const last = parts.filter(Boolean).at(-1);
    if (last) return String(last);
  }
  return "";
}

export const titleOf = (card) => card.title || card.item_id;

/** Head, tail or cold: told by shape as well as by word. */
export const Bucket = ({ name }) =>
  html`<span class=${`bucket ${name}`}><i aria-hidden="true"></i>${name}</span>`;

/** How popular an item is among all items, drawn and in figures. */
export const Popularity = ({ value }) =>
  html`<span class="popularity" title="Popularity percentile: 100 is the most popular item">
    <span class="bar" aria-hidden="true"><span style=${{ width: `${value}%` }}></span></span>
    <span class="unseen">popularity percentile </span><b>${percentile(value)}</b>
  </span>`;

/** What a pointer or the keyboard does to a card: tell which ids belong to it. */
const points = (ids, point) => ({
  onMouseEnter: () => point(ids),
  onMouseLeave: () => point(null),
  onFocusIn: () => point(ids),
  onFocusOut: () => point(null),
});

/** An item on a shelf: a history, similar items, items of the catalog. */
export function ShelfCard({ card, note, lit, point, remove }) {
  const classes = `card shelf-card${lit ? " lit" : ""}`;
  const category = categoryOf(card);
  return html`<li class=${classes} ...${point ? points([card.item_id], point) : {}}>
    <a class="title" ...${within({ view: "item", item: card.item_id })}>${titleOf(card)}</a>
    ${category && html`<p class="category">${category}</p>`}
    <p class="facts">
      <${Bucket} name=${card.bucket} /><${Popularity} value=${card.popularity_percentile} />
    </p>
    ${note && html`<p class="note">${note}</p>`}
    ${
      remove &&
      html`<button type="button" class="remove" onClick=${remove}>
        <span aria-hidden="true">×</span><span class="unseen">Remove ${titleOf(card)}</span>
      </button>`
    }
  </li>`;
}

/** One place of a list of recommendations. */
export function RankedCard({ item, card, titles, k, moved, absent, lit, point }) {
  const because = item.because ?? [];
  const classes = `card ranked-card${lit ? " lit" : ""}${absent ? " absent" : ""}`;
  const category = categoryOf(card);
  return html`<li class=${classes} data-item=${item.item_id} ...${points(because, point)}>
    <span class="rank">${item.rank}</span>
    <div class="body">
      <a class="title" ...${within({ view: "item", item: item.item_id })}>
        ${titleOf(card ?? item)}
      </a>
      ${category && html`<p class="category">${category}</p>`}
      <p class="facts">
        <${Bucket} name=${item.bucket} />
        <${Popularity} value=${item.popularity_percentile} />
        ${
          item.relevance != null &&
          html`<span class="relevance" title="Relevance: how probably this user takes the item">
            <span class="unseen">relevance </span>${probability(item.relevance)}
          </span>`
        }
      </p>
      ${
        because.length > 0 &&
        html`<p class="because" title=${because.map((id) => titles[id] ?? id).join("\n")}>
          <span>because of</span> ${because.map(
            (id, i) => html`${i > 0 && ", "}<em>${titles[id] ?? id}</em>`,
          )}
        </p>`
      }
    </div>
    ${moved && html`<${Movement} rank=${item.rank} base=${item.base_rank} k=${k} />`}
    ${absent && html`<span class="leaves">not with debiasing</span>`}
  </li>`;
}
