// Light or dark: as the system has it, until somebody chooses.

import { html, useEffect, useState } from "./ui.js";

const STORED = "longtail-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

const chosen = () => window.localStorage.getItem(STORED);
export const isDark = () => (chosen() ? chosen() === "dark" : system.matches);

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  listeners.forEach((listener) => listener());
}
system.addEventListener("change", apply);
apply();

/** Whether the page is dark now; renders again when that changes. */
export function useDark() {
  const [dark, setDark] = useState(isDark());
  useEffect(() => {
    const listen = () => setDark(isDark());
    listeners.add(listen);
    return () => listeners.delete(listen);
  }, []);
  return dark;
}

export function ThemeButton() {
  const dark = useDark();
  const turn = () => {
    window.localStorage.setItem(STORED, dark ? "light" : "dark");
    apply();
  };
  return html`<button type="button" class="quiet theme" onClick=${turn}>
    ${dark ? "Light" : "Dark"}<span class="unseen"> colours</span>
  </button>`;
}
