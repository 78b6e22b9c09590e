// What somebody took, as cards in a row, the newest first.

import { html, useState } from "./ui.js";
import { ShelfCard } from "./cards.js";
import { Skeleton } from "./notices.js";
import { navigate } from "./url_state.js";

const SHOWN_AT_FIRST = 24;

/**
 * `typed` are the ids of a typed history, whose items can be taken away: a card's `position` is
 * its place among them. `lit` are ids that belong to what is pointed at.
 */
export function History({ cards, waiting, lit, point, typed }) {
  const [whole, setWhole] = useState(false);
  if (waiting) {
    return html`<section class="history"><${Skeleton} kind="shelf" lines=${6} /></section>`;
  }
  const newest = cards.map((card, i) => ({ card, i })).reverse();
  const shown = whole ? newest : newest.slice(0, SHOWN_AT_FIRST);
  const without = (position) => typed.filter((_, i) => i !== position);
  return html`<section class="history" aria-label="History">
    <h2>
      History ${" "}<small>the newest first</small>
      ${
        newest.length > shown.length &&
        html`<button type="button" class="quiet" onClick=${() => setWhole(true)}>
          show all ${newest.length}
        </button>`
      }
    </h2>
    ${
      cards.length === 0 &&
      html`<p class="soft">
        Nothing was taken: the most popular items of the pool are all that can be said.
      </p>`
    }
    <ul class="shelf" tabindex="0" aria-label="Items of the history, the newest first">
      ${shown.map(
        ({ card, i }) =>
          html`<${ShelfCard}
            key=${`${i} ${card.item_id}`}
            card=${card}
            lit=${lit?.includes(card.item_id)}
            point=${point}
            remove=${typed && (() => navigate({ by: "history", h: without(card.position) }))}
          />`,
      )}
    </ul>
  </section>`;
}
