// How a list differs from the undebiased one: marks, and cards that glide to their new places.

import { html, useLayoutEffect, useRef } from "./ui.js";

/** {kind, by}: "new" where the undebiased list of k doesn't hold the item, else up, down, same. */
export function movementOf(rank, base, k) {
  if (base == null || base > k) return { kind: "new", by: base };
  if (base === rank) return { kind: "same", by: 0 };
  return base > rank ? { kind: "up", by: base - rank } : { kind: "down", by: rank - base };
}

const SIGNS = { up: "↑", down: "↓" };

export function Movement({ rank, base, k }) {
  const { kind, by } = movementOf(rank, base, k);
  if (kind === "same") {
    return html`<span class="movement same" title="As without debiasing"
      ><span aria-hidden="true">=</span><span class="unseen">as without debiasing</span></span
    >`;
  }
  if (kind === "new") {
    const was = by == null ? "" : `, was ${by}`;
    return html`<span class="movement new" title=${`Not in the list without debiasing${was}`}
      >new<span class="unseen">${was}</span></span
    >`;
  }
  return html`<span class=${`movement ${kind}`} title=${`Was ${base} without debiasing`}>
    <span aria-hidden="true">${SIGNS[kind]} ${by}</span><span class="unseen">${kind} ${by}</span>
  </span>`;
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

/** A ref for a list whose items (by data-item) glide from where they were at the render before. */
export function useGliding(signature) {
  const list = useRef(null);
  const before = useRef(new Map());
  useLayoutEffect(() => {
    if (!list.current) return;
    const origin = list.current.getBoundingClientRect().top;
    const now = new Map();
    for (const element of list.current.querySelectorAll("[data-item]")) {
      const place = element.getBoundingClientRect().top - origin;
      const id = element.dataset.item;
      now.set(id, place);
      if (!before.current.size || calm.matches) continue;
      const frames = before.current.has(id)
        ? [{ transform: `translateY(${before.current.get(id) - place}px)` }, { transform: "none" }]
        : [{ opacity: 0 }, { opacity: 1 }];
      element.animate(frames, { duration: 260, easing: "cubic-bezier(.2, .7, .2, 1)" });
    }
    before.current = now;
  }, [signature]);
  return list;
}
