// The two lists side by side, their dials, and how popular they are.

import { html, useState } from "./ui.js";
import { RankedCard } from "./cards.js";
import { Dials } from "./dials.js";
import { History } from "./history.js";
import { movementOf, useGliding } from "./movement.js";
import { Failure, Notice, Skeleton } from "./notices.js";
import { counted, mean, percentile, strength } from "./numbers.js";
import { PopularityComparison } from "./popularity_chart.js";

export function Comparison({ state, who, history, waiting, base, debiased, used, error, retry }) {
  // What is pointed at: {past} of a recommendation, or {carries}, a past item whose answers light.
  const [lit, setLit] = useState(null);
  const [side, setSide] = useState("with");
  // While the slider's next answer is on its way the list before it stays, faded and named by its
  // own strength.
  const right = debiased.data ?? debiased.previous;
  const left = base.data ?? base.previous;
  const titles = Object.fromEntries(
    history.map((card) => [card.item_id, card.title || card.item_id]),
  );
  const both = left && right;
  return html`
    ${
      !who.text &&
      html`<${History}
        cards=${history}
        waiting=${waiting}
        lit=${lit?.past}
        point=${(ids) => setLit(ids && { carries: ids[0] })}
        typed=${who.history}
      />`
    }
    <${Dials} state=${state} used=${used} isText=${Boolean(who.text)} />
    ${
      error &&
      html`<${Failure} error=${error} again=${retry} />`
    }
    ${
      !error &&
      both &&
      html`<${Popularities}
        history=${history}
        left=${left.answer.items}
        right=${right.answer.items}
        used=${right.answer.debias}
      />`
    }
    ${
      !error &&
      html` <div class="sides" role="group" aria-label="Which list">
          ${[
            ["without", "Without"],
            ["with", "With debiasing"],
          ].map(
            ([name, label]) =>
              html`<button
                key=${name}
                type="button"
                aria-pressed=${side === name ? "true" : "false"}
                onClick=${() => setSide(name)}
              >
                ${label}
              </button>`,
          )}
        </div>
        <div class=${`lists show-${side}`}>
          <${List}
            name="without"
            heading="Without debiasing"
            found=${left}
            busy=${base.loading}
            k=${state.k}
            titles=${titles}
            lit=${lit?.carries}
            point=${(past) => setLit(past && { past })}
            staying=${right && new Set(right.answer.items.map((item) => item.item_id))}
          />
          <${List}
            name="with"
            heading="With debiasing"
            strengthUsed=${right?.answer.debias}
            found=${right}
            busy=${debiased.loading}
            k=${state.k}
            titles=${titles}
            lit=${lit?.carries}
            point=${(past) => setLit(past && { past })}
            moved=${true}
          />
        </div>
        <p class="unseen" role="status">
          ${!debiased.loading && both ? spoken(right.answer, state.k) : ""}
        </p>`
    }
  `;
}

/** The sentence that a screen reader hears when the list has changed. */
function spoken(right, k) {
  const kinds = right.items.map((item) => movementOf(item.rank, item.base_rank, k).kind);
  const count = (kind) => kinds.filter((each) => each === kind).length;
  const items = counted(right.items.length, "item");
  return (
    `${items} with debiasing ${strength(right.debias)}: ${count("new")} new, ` +
    `${count("up")} up, ${count("down")} down, ${count("same")} in place`
  );
}

function alike(left, right) {
  return left.length === right.length && left.every((item, i) => item.item_id === right[i].item_id);
}

function Popularities({ history, left, right, used }) {
  const [own, before, after] = [history, left, right].map((items) =>
    mean(items.map((item) => item.popularity_percentile)),
  );
  if (before == null || after == null) return null;
  return html`<section class="popularities" aria-label="Popularity of the lists">
    <p class="sentence">
      ${own != null && html`Their own items stand at percentile <b>${percentile(own)}</b>. `}
      Without debiasing the list stands at <b>${percentile(before)}</b>${
        alike(left, right) && used === 0
          ? html`. The dial stands at 0, so both lists are the same: move it to take popularity out.`
          : html`, with ${strength(used)} at <b class="accent">${percentile(after)}</b>.`
      }
    </p>
    <${PopularityComparison} history=${history} base=${left} debiased=${right} used=${used} />
  </section>`;
}

function List({ name, heading, strengthUsed, found, busy, k, titles, lit, point, moved, staying }) {
  const items = found?.answer.items ?? [];
  const list = useGliding(items.map((item) => item.item_id).join("\n"));
  const carried = (item) => lit != null && (item.because ?? []).includes(lit);
  return html`<section
    class=${`list ${name}${busy ? " busy" : ""}`}
    aria-busy=${busy ? "true" : "false"}
    aria-label=${heading}
  >
    <h2>
      ${heading}
      ${strengthUsed != null && html`${" "}<span class="accent">${strength(strengthUsed)}</span>`}
    </h2>
    ${found?.answer.note && html`<p class="note">${found.answer.note}</p>`}
    ${!found && html`<${Skeleton} lines=${Math.min(k, 10)} />`}
    ${
      found &&
      items.length === 0 &&
      html`<${Notice} heading="Nothing is left">
        <p>
          The pool and the filters leave no item that this person hasn’t had. Take one of them away.
        </p>
      <//>`
    }
    <ol ref=${list}>
      ${items.map(
        (item) =>
          html`<${RankedCard}
            key=${item.item_id}
            item=${item}
            card=${found.cards[item.item_id]}
            titles=${titles}
            k=${k}
            moved=${moved}
            absent=${staying && !staying.has(item.item_id)}
            lit=${carried(item)}
            point=${point}
          />`,
      )}
    </ol>
  </section>`;
}
