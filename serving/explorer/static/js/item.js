// One item: what the catalog says of it, what is like it, and who took it.

import { html } from "./ui.js";
import { inPath, read } from "./api.js";
import { Bucket, Popularity, ShelfCard, titleOf } from "./cards.js";
import { Failure, Notice, Skeleton } from "./notices.js";
import { counted } from "./numbers.js";
import { useResource } from "./resource.js";
import { navigate, within } from "./url_state.js";

const LISTED = 8;
const ALONE = "No other item was taken by two of them.";
const UNTAKEN = "Nobody took it yet: whoever gets it, gets it for its text.";

async function readSimilar(id, signal) {
  const { items } = await read(`v1/similar/${inPath(id)}`, { k: LISTED, pool: "all" }, signal);
  const ids = items.map((item) => item.item_id);
  const cards = ids.length ? (await read("v1/items", { id: ids }, signal)).items : [];
  const cosine = Object.fromEntries(items.map((item) => [item.item_id, item.cosine]));
  return cards.map((card) => ({ ...card, cosine: cosine[card.item_id] }));
}

export function Item({ state }) {
  const id = state.item;
  const found = useResource(id && `item ${id}`, (signal) =>
    read(`v1/items/${inPath(id)}`, {}, signal),
  );
  // An audience is asked for off the fast path: its failure has time to name near ids.
  const missing = found.error?.code === "unknown_item";
  const near = useResource(missing ? `near ${id}` : null, (signal) =>
    read(`v1/items/${inPath(id)}/audience`, {}, signal),
  );
  if (!id) {
    return html`<${Notice} heading="No item chosen"
      ><p>Choose one in the <a ...${within({ view: "catalog" })}>catalog</a>.</p><//
    >`;
  }
  if (found.error) {
    return html`<${Failure}
      error=${near.error ?? found.error}
      again=${found.again}
      near=${(other) => navigate({ item: other })}
    />`;
  }
  if (!found.data) return html`<${Skeleton} kind="block" lines=${2} />`;
  return html`<article class="item-page">
    <${Details} card=${found.data.item} />
    <${Similar} id=${id} />
    <${Audience} id=${id} />
  </article>`;
}

function Details({ card }) {
  const facts = Object.entries(card.attributes).filter(
    ([, value]) => value != null && value !== "",
  );
  const asHistory = { view: "compare", by: null, user: null, text: null, h: [card.item_id] };
  return html`<header class="heading">
      <h1>${titleOf(card)}</h1>
      <p class="facts">
        <${Bucket} name=${card.bucket} /><${Popularity} value=${card.popularity_percentile} />
        <span>taken by ${counted(card.popularity, "user")} in training</span>
      </p>
      <p><a class="action" ...${within(asHistory)}>Recommend to somebody who took only this</a></p>
    </header>
    <dl class="attributes">
      <div>
        <dt>item_id</dt>
        <dd><code>${card.item_id}</code></dd>
      </div>
      ${facts.map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt>${name}</dt>
            <dd>${Array.isArray(value) ? value.join(", ") : String(value)}</dd>
          </div>`,
      )}
    </dl>`;
}

function Similar({ id }) {
  const { data, error, loading, again } = useResource(`similar ${id}`, (signal) =>
    readSimilar(id, signal),
  );
  return html`<section aria-label="Similar items">
    <h2>Similar items <small>by their texts</small></h2>
    ${loading && html`<${Skeleton} kind="shelf" lines=${4} />`}
    ${error && html`<${Failure} error=${error} again=${again} />`}
    <ul class="grid">
      ${data?.map(
        (card) =>
          html`<${ShelfCard}
            key=${card.item_id}
            card=${card}
            note=${`cosine ${card.cosine.toFixed(2)}`}
          />`,
      )}
    </ul>
  </section>`;
}

function Audience({ id }) {
  const { data, error, loading, again } = useResource(`audience ${id}`, (signal) =>
    read(`v1/items/${inPath(id)}/audience`, { limit: LISTED }, signal),
  );
  return html`<section aria-label="Audience">
    <h2>Its audience <small>${data ? counted(data.users, "user") : ""}</small></h2>
    ${loading && html`<${Skeleton} kind="shelf" lines=${4} />`}
    ${error && html`<${Failure} error=${error} again=${again} />`}
    ${data && !data.also_took.length && html`<p class="soft">${data.users ? ALONE : UNTAKEN}</p>`}
    ${data?.also_took.length > 0 && html`<p class="soft">What they also took, the most telling first:</p>`}
    <ul class="grid">
      ${data?.also_took.map(
        (card) =>
          html`<${ShelfCard}
            key=${card.item_id}
            card=${card}
            note=${`${counted(card.users, "user")} in common`}
          />`,
      )}
    </ul>
  </section>`;
}
