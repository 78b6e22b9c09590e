// How popular two lists are beside what the user took: a dot an item, a bar at each mean.

import { html } from "./ui.js";
import { Figure, quietGrid } from "./figure.js";
import { titleOf } from "./cards.js";
import { mean, percentile, strength } from "./numbers.js";

const points = (items, y) =>
  items.map((item) => ({ x: item.popularity_percentile, y, title: titleOf(item) }));

/** `history`, `base` and `debiased` are items with percentiles, each in the order shown. */
export function PopularityComparison({ history, base, debiased, used }) {
  const rows = [
    history.length > 0 && { name: "Own history", short: "own", items: history, tone: "soft" },
    { name: "Without debiasing", short: "without", items: base, tone: "ink" },
    { name: `With ${strength(used)}`, short: "with", items: debiased, tone: "accent" },
  ].filter(Boolean);
  const means = rows.map((row) => mean(row.items.map((item) => item.popularity_percentile)));
  const configure = (colours, narrow) => ({
    type: "scatter",
    data: {
      datasets: rows.flatMap((row, y) => [
        {
          label: row.name,
          data: points(row.items, y),
          pointStyle: "circle",
          radius: narrow ? 4 : 5,
          hoverRadius: 7,
          borderColor: colours[row.tone],
          backgroundColor: `${colours[row.tone]}40`,
          borderWidth: 1.25,
          clip: 8,
        },
        {
          label: `${row.name}: mean`,
          data: means[y] == null ? [] : [{ x: means[y], y, title: `mean ${percentile(means[y])}` }],
          pointStyle: "line",
          rotation: 90,
          radius: 15,
          hoverRadius: 15,
          borderWidth: 3,
          clip: 20,
          borderColor: colours[row.tone],
        },
      ]),
    },
    options: {
      layout: { padding: { right: 8 } },
      scales: {
        x: {
          ...quietGrid(colours),
          min: 0,
          max: 100,
          ticks: {
            stepSize: 25,
            maxRotation: 0,
            align: "inner",
            callback: (value) => (value === 100 && !narrow ? "100 most popular" : value),
          },
        },
        y: {
          min: -0.6,
          max: rows.length - 0.4,
          reverse: true,
          border: { display: false },
          grid: { display: false },
          afterBuildTicks: (axis) => {
            axis.ticks = rows.map((_, value) => ({ value }));
          },
          ticks: {
            color: colours.ink,
            callback: (value) => (narrow ? rows[value].short : rows[value].name),
          },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          callbacks: {
            title: () => "",
            label: (at) => ` ${at.raw.title} (${percentile(at.raw.x)})`,
          },
        },
      },
    },
  });
  const sentence = rows
    .map((row, i) => `${row.name}: mean percentile ${percentile(means[i])}`)
    .join("; ");
  return html`<${Figure}
    label=${`Popularity of each item. ${sentence}`}
    signature=${JSON.stringify(rows.map((row) => [row.name, row.items.map((item) => item.item_id)]))}
    configure=${configure}
    height=${52 + 40 * rows.length}
  />`;
}
