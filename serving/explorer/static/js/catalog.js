// The catalog: its popularity curve, the items around a rank, and a search.

import { html, useId } from "./ui.js";
import { read } from "./api.js";
import { ShelfCard } from "./cards.js";
import { CatalogCurve } from "./catalog_curve.js";
import { Failure, Notice, Skeleton } from "./notices.js";
import { counted, whole } from "./numbers.js";
import { useResource } from "./resource.js";
import { navigate } from "./url_state.js";

const FOUND = 24;
const BUCKETS = ["all", "head", "tail", "cold"];

export function Catalog({ state }) {
  const curve = useResource("curve", (signal) => read("v1/catalog/curve", { points: 200 }, signal));
  return html`<div class="catalog">
    <header class="heading">
      <h1>The catalog by popularity</h1>
      ${curve.data && html`<${Sizes} data=${curve.data} />`}
    </header>
    ${curve.error && html`<${Failure} error=${curve.error} again=${curve.again} />`}
    ${curve.loading && html`<${Skeleton} kind="block" lines=${1} />`}
    ${
      curve.data &&
      html`<${CatalogCurve}
        data=${curve.data}
        rank=${state.rank}
        choose=${(rank) => navigate({ rank, q: null })}
      />`
    }
    ${curve.data && html`<${Finder} state=${state} n=${curve.data.n_items} />`}
    ${state.q ? html`<${Found} state=${state} />` : html`<${Around} rank=${state.rank} />`}
  </div>`;
}

function Sizes({ data }) {
  const { head, tail, cold } = data.buckets;
  return html`<p class="lede">
    ${counted(data.n_items, "item")}: <b>${whole(head)}</b> head, <b>${whole(tail)}</b> tail,
    ${" "}<b>${whole(cold)}</b> cold. Head is what the rule <code>${data.bucket_rule}</code> calls
    popular; nobody took a cold item in training.
  </p>`;
}

/** The keyboard's way to what a click on the curve does, and a search by words. */
function Finder({ state, n }) {
  const id = useId();
  const go = (event) => {
    const rank = Math.round(Number(event.currentTarget.value));
    if (rank >= 1) navigate({ rank: Math.min(rank, n), q: null });
  };
  const search = (event) => {
    event.preventDefault();
    const { words, bucket } = event.currentTarget.elements;
    navigate({ q: words.value.trim() || null, bucket: bucket.value });
  };
  return html`<div class="row finder">
    <div class="choice">
      <label for=${id}>At rank</label>
      <input
        id=${id}
        type="number"
        min="1"
        max=${n}
        value=${state.rank ?? ""}
        placeholder="1"
        onChange=${go}
      />
    </div>
    <form class="row" role="search" onSubmit=${search}>
      <div class="choice grow">
        <label for=${`${id}-words`}>Items with the words</label>
        <input
          id=${`${id}-words`}
          name="words"
          type="search"
          maxlength="200"
          defaultValue=${state.q ?? ""}
        />
      </div>
      <div class="choice">
        <label for=${`${id}-bucket`}>in</label>
        <select id=${`${id}-bucket`} name="bucket">
          ${BUCKETS.map(
            (name) =>
              html`<option key=${name} value=${name} selected=${name === state.bucket}>
                ${name}
              </option>`,
          )}
        </select>
      </div>
      <button type="submit">Search</button>
    </form>
  </div>`;
}

function Around({ rank }) {
  const { data, error, loading, again } = useResource(rank && `at ${rank}`, (signal) =>
    read("v1/catalog/at", { rank, limit: 12 }, signal),
  );
  if (!rank) {
    return html`<${Notice} heading="Choose a place on the curve">
      <p>A click shows the items around it; so does a rank typed above.</p>
    <//>`;
  }
  if (error) return html`<${Failure} error=${error} again=${again} />`;
  return html`<section aria-label="Items around the rank">
    <h2 role="status">Around rank ${whole(rank)}</h2>
    ${loading && html`<${Skeleton} kind="shelf" lines=${6} />`}
    <ul class="grid">
      ${data?.items.map(
        (card) =>
          html`<${ShelfCard}
            key=${card.item_id}
            card=${card}
            lit=${card.rank === rank}
            note=${`rank ${whole(card.rank)}, ${counted(card.popularity, "user")}`}
          />`,
      )}
    </ul>
  </section>`;
}

function Found({ state }) {
  const { data, error, loading, again } = useResource(
    `found ${state.bucket} ${state.q}`,
    (signal) => read("v1/items", { search: state.q, bucket: state.bucket, limit: FOUND }, signal),
  );
  if (error) return html`<${Failure} error=${error} again=${again} />`;
  if (data && !data.items.length) {
    return html`<${Notice} heading="Nothing found" role="status">
      <p>
        No item ${state.bucket === "all" ? "" : `of the ${state.bucket} `}holds all of these words
        in its title or id.
      </p>
    <//>`;
  }
  const first = data?.items.length === FOUND ? "The first " : "";
  return html`<section aria-label="Items found">
    <h2 role="status">
      ${data ? `${first}${counted(data.items.length, "item")} with “${state.q}”` : "Searching"}
    </h2>
    ${loading && html`<${Skeleton} kind="shelf" lines=${6} />`}
    <ul class="grid">
      ${data?.items.map(
        (card) =>
          html`<${ShelfCard}
            key=${card.item_id}
            card=${card}
            note=${counted(card.popularity, "user")}
          />`,
      )}
    </ul>
  </section>`;
}
