// The comparison: a person's history, and two lists of what they may like.

import { html } from "./ui.js";
import { read, send } from "./api.js";
import { Failure, Notice } from "./notices.js";
import { Comparison } from "./comparison.js";
import { counted, mean, percentile } from "./numbers.js";
import { PersonPicker, asUser, readUser, whoOf } from "./person.js";
import { useResource } from "./resource.js";
import { navigate } from "./url_state.js";

/** The request without its popularity dial: what both lists have in common. */
const requestOf = (state, who) => ({
  ...who,
  k: state.k,
  pool: state.pool,
  where: state.where,
  include_seen: state.seen === "yes",
  explain: true,
});

/** Ask for a list, and for the cards of its items. */
async function recommend(request, who, signal) {
  const answer = await send("v1/recommend", request, signal);
  const id = answer.items.map((item) => item.item_id);
  const { items } = id.length ? await read("v1/items", { id }, signal) : { items: [] };
  return { who, answer, cards: Object.fromEntries(items.map((card) => [card.item_id, card])) };
}

function useHistory(state, who) {
  const user = who?.user_id ?? null;
  const known = useResource(user && `user ${user}`, (signal) => readUser(user, signal));
  const typed = who?.history ?? null;
  const items = useResource(typed && `items ${JSON.stringify(typed)}`, (signal) =>
    read("v1/items", { id: typed }, signal),
  );
  if (user) return { ...known, cards: known.data?.history };
  const card = Object.fromEntries((items.data?.items ?? []).map((each) => [each.item_id, each]));
  const there = (id, position) => (card[id] ? [{ ...card[id], position }] : []);
  return { ...items, cards: items.data && typed.flatMap(there) };
}

export function Compare({ state }) {
  const who = whoOf(state);
  const key = who && JSON.stringify(who);
  const history = useHistory(state, who);
  const common = who && requestOf(state, who);
  const plain = common && { ...common, debias: 0, mode: "fixed", diversity: 0 };
  const wanted = common && {
    ...common,
    debias: state.debias,
    mode: who.text ? "fixed" : state.mode,
    diversity: who.text ? 0 : state.diversity,
  };
  const base = useResource(plain && JSON.stringify(plain), (signal) =>
    recommend(plain, key, signal),
  );
  const debiased = useResource(
    wanted && JSON.stringify(wanted),
    (signal) => recommend(wanted, key, signal),
    { wait: 150 },
  );
  const used = debiased.data?.answer.debias ?? debiased.previous?.answer.debias ?? null;
  // Of an unknown user three requests fail; the history's own failure names near ids.
  const error = history.loading ? null : (history.error ?? base.error ?? debiased.error);
  const retry = () => [history, base, debiased].forEach((each) => each.error && each.again());
  return html`<div class=${`compare${who ? " chosen" : ""}`}>
    <${Heading} state=${state} who=${who} history=${history} />
    <${PersonPicker} state=${state} />
    ${!who && html`<${Beginning} state=${state} />`}
    ${
      who &&
      !history.error &&
      html`<${Comparison}
        key=${key}
        state=${state}
        who=${who}
        history=${history.cards ?? []}
        waiting=${history.loading}
        base=${base}
        debiased=${debiased}
        used=${used}
        error=${error}
        retry=${retry}
      />`
    }
    ${
      who &&
      history.error &&
      html`<${Failure} error=${error} again=${retry} near=${(id) => navigate(asUser(id))} />`
    }
  </div>`;
}

function Heading({ state, who, history }) {
  if (!who) {
    return html`<header class="heading">
      <h1>What does debiasing do?</h1>
      <p class="lede">
        A recommender that follows the most probable item shows everybody the same few. Choose
        somebody, and see their list before and after popularity is held back.
      </p>
    </header>`;
  }
  const title = who.user_id ?? (who.history ? "A typed history" : `“${who.text}”`);
  const own = mean((history.cards ?? []).map((card) => card.popularity_percentile));
  return html`<header class="heading">
    <h1>${title}</h1>
    ${
      history.cards?.length > 0 &&
      html`<p class="lede">
        ${counted(history.cards.length, "item")} in the history, at popularity percentile ${" "}
        <b>${percentile(own)}</b>${" "} on average
      </p>`
    }
  </header>`;
}

function Beginning({ state }) {
  if (state.by === "history") {
    return html`<${Notice} heading="No history yet">
      <p>Add an item or two that somebody took, the oldest first. Two make a taste already.</p>
    <//>`;
  }
  if (state.by === "text") {
    return html`<${Notice} heading="Nothing asked yet">
      <p>
        Say in your own words what is wanted. A text has no history, so items are found by what
        their descriptions say, and nothing explains them.
      </p>
    <//>`;
  }
  return html`<${Notice} heading="Nobody chosen yet">
    <p>
      A niche user shows most: somebody whose items are rarer than others’ gets a list of hits
      without debiasing.
    </p>
  <//>`;
}
