// The page: its head, its views, and what all of them share.

import { html, render, useEffect, useState } from "./ui.js";
import { Catalog } from "./catalog.js";
import { Compare } from "./compare.js";
import { Item } from "./item.js";
import { KeyDialog } from "./key_dialog.js";
import { Quality } from "./quality.js";
import { ThemeButton } from "./theme.js";
import { useUrlState, within } from "./url_state.js";

const VIEWS = { compare: Compare, catalog: Catalog, item: Item, quality: Quality };
const TABS = { compare: "Compare", catalog: "Catalog", quality: "Quality" };

function App() {
  const state = useUrlState();
  const [keys, setKeys] = useState(0);
  const View = VIEWS[state.view];
  const tab = state.view === "item" ? "catalog" : state.view;
  useEffect(() => {
    const subject = state.view === "item" ? state.item : state.user;
    document.title = [subject, TABS[tab], "longtail"].filter(Boolean).join(" · ");
  });
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="masthead">
      <a class="mark-name" ...${within({ view: "compare" })}>longtail</a>
      <nav aria-label="Views">
        ${Object.entries(TABS).map(
          ([name, label]) =>
            html`<a
              key=${name}
              ...${within({ view: name })}
              aria-current=${name === tab ? "page" : undefined}
              >${label}</a
            >`,
        )}
      </nav>
      <${ThemeButton} />
    </header>
    <main id="main" tabindex="-1"><${View} key=${keys} state=${state} /></main>
    <${KeyDialog} onKey=${() => setKeys(keys + 1)} />
  `;
}

/** The address holds the state, so the skip link moves the focus without changing it. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

render(html`<${App} />`, document.getElementById("app"));
