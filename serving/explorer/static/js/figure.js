// A chart of Chart.js on the page's own colours, with a sentence and a table for whom it is no use.

import { html, useEffect, useRef } from "./ui.js";
import { useDark } from "./theme.js";

let library = null;

/** Load Chart.js once, when the first chart is drawn; it is a script of the old kind. */
function loadLibrary() {
  library ??= import("../vendor/chartjs/chart.umd.min.js").then(() => {
    const { Chart } = window;
    Chart.defaults.font.family = '"Inter", system-ui, sans-serif';
    Chart.defaults.font.size = 12;
    Chart.defaults.maintainAspectRatio = false;
    Chart.defaults.responsive = true;
    Chart.defaults.animation = false;
    Chart.defaults.plugins.legend.labels.usePointStyle = true;
    return Chart;
  });
  return library;
}

/** The page's colours as they are now. */
function palette() {
  const styles = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "paper", "accent", "faint"];
  return Object.fromEntries(
    names.map((name) => [name, styles.getPropertyValue(`--${name}`).trim()]),
  );
}

/**
 * `configure(colours, narrow)` gives Chart.js its configuration; `key` says when it has changed.
 * `table` is {head, rows}: the same figures as text.
 */
export function Figure({ label, signature, configure, height, table, children }) {
  const canvas = useRef(null);
  const dark = useDark();
  useEffect(() => {
    let chart = null;
    let gone = false;
    loadLibrary().then((Chart) => {
      if (gone || !canvas.current) return;
      const colours = palette();
      Chart.defaults.color = colours.soft;
      Chart.defaults.borderColor = colours.line;
      const narrow = canvas.current.parentElement.clientWidth < 560;
      chart = new Chart(canvas.current, configure(colours, narrow));
      // For tests, and for whoever wants to look at a chart's data in the console.
      canvas.current.chart = chart;
    });
    return () => {
      gone = true;
      chart?.destroy();
    };
  }, [signature, dark]);
  return html`<figure class="figure">
    <div class="canvas" style=${{ height: `${height}px` }}>
      <canvas ref=${canvas} role="img" aria-label=${label}></canvas>
    </div>
    ${children && html`<figcaption>${children}</figcaption>`}
    ${
      table &&
      html`<details class="as-table">
        <summary>The same as a table</summary>
        <div class="scroll" tabindex="0" role="region" aria-label=${`${label}, as a table`}>
          <table>
            <thead>
              <tr>
                ${table.head.map((cell) => html`<th key=${cell} scope="col">${cell}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${table.rows.map(
                (row, i) =>
                  html`<tr key=${i}>
                    ${row.map((cell, j) =>
                      j
                        ? html`<td key=${j}>${cell}</td>`
                        : html`<th key=${j} scope="row">${cell}</th>`,
                    )}
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`
    }
  </figure>`;
}

/** Grid lines that stay in the background. */
export const quietGrid = (colours) => ({
  grid: { color: colours.line, drawTicks: false },
  border: { display: false },
});
