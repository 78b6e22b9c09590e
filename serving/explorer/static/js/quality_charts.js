// The two pictures of an evaluation. Methods are told apart by marker; the engine has the accent.

import { html } from "./ui.js";
import { Figure, quietGrid } from "./figure.js";
import { share } from "./numbers.js";

const MARKERS = [
  "rect",
  "triangle",
  "rectRot",
  "cross",
  "star",
  "crossRot",
  "rectRounded",
  "dash",
  "line",
  "circle",
];
const BUCKETS = ["head", "tail", "cold"];

const familyOf = (data) => data.rows.find((row) => row.own)?.family;

export function TradeOff({ data }) {
  const own = familyOf(data);
  // The engine is drawn last, on top of the others.
  const curves = [...data.trade_off].sort((a, b) => (a.family === own) - (b.family === own));
  const configure = (colours, narrow) => ({
    type: "scatter",
    data: {
      datasets: curves.map(({ family, points }, i) => {
        const colour = family === own ? colours.accent : colours.soft;
        return {
          label: family,
          data: points.map((point) => ({ x: point.overall, y: point.tail, debias: point.debias })),
          showLine: true,
          borderColor: colour,
          backgroundColor: family === own ? colour : colours.paper,
          borderWidth: family === own ? 3 : 1.25,
          pointStyle: family === own ? "circle" : MARKERS[i % MARKERS.length],
          pointBorderWidth: 1.5,
          radius: family === own ? 6 : 5,
          hoverRadius: 8,
          clip: 10,
        };
      }),
    },
    options: {
      interaction: { mode: "nearest", intersect: false },
      scales: {
        x: {
          ...quietGrid(colours),
          beginAtZero: true,
          title: { display: true, text: `recall@${data.k}, all targets` },
        },
        y: {
          ...quietGrid(colours),
          beginAtZero: true,
          title: { display: true, text: `recall@${data.k}, tail targets` },
        },
      },
      plugins: {
        legend: { position: narrow ? "bottom" : "right", reverse: true, onClick: () => {} },
        tooltip: {
          callbacks: {
            label: (at) =>
              ` ${at.dataset.label}, debiasing ${at.raw.debias}: ` +
              `${share(at.raw.x)} overall, ${share(at.raw.y)} tail`,
          },
        },
      },
    },
  });
  const rows = [...curves]
    .reverse()
    .flatMap(({ family, points }) =>
      points.map((point) => [family, point.debias, share(point.overall), share(point.tail)]),
    );
  return html`<${Figure}
    label="Overall recall against tail recall, by method and debiasing"
    signature=${data.evaluated}
    configure=${configure}
    height=${420}
    table=${{ head: ["method", "debiasing", "recall, all", "recall, tail"], rows }}
  />`;
}

export function BucketRecall({ data }) {
  const shown = data.recall_by_bucket.slice(0, 6);
  const configure = (colours, narrow) => {
    const others = shown.filter((row) => !row.own).length;
    let other = 0;
    const fill = (row, i) => {
      if (row.own) return i === 0 ? colours.accent : `${colours.accent}80`;
      other += 1;
      // From the strongest to the weakest of the others: darker to lighter.
      return (
        colours.soft + Math.round(220 - (150 * (other - 1)) / Math.max(others, 1)).toString(16)
      );
    };
    return {
      type: "bar",
      data: {
        labels: BUCKETS.map(
          (bucket) => `${bucket} (${(data.targets[bucket] ?? 0).toLocaleString("en")} targets)`,
        ),
        datasets: shown.map((row, i) => ({
          label: row.name,
          data: BUCKETS.map((bucket) => row[bucket]),
          backgroundColor: fill(row, i),
          borderRadius: 2,
          categoryPercentage: 0.8,
          barPercentage: 0.95,
        })),
      },
      options: {
        scales: {
          x: {
            grid: { display: false },
            border: { color: colours.line },
            ticks: {
              color: colours.ink,
              callback(value) {
                return narrow ? BUCKETS[value] : this.getLabelForValue(value);
              },
            },
          },
          y: {
            ...quietGrid(colours),
            beginAtZero: true,
            title: { display: !narrow, text: `recall@${data.k}` },
          },
        },
        plugins: {
          legend: {
            position: "bottom",
            align: "start",
            onClick: () => {},
            labels: { pointStyle: "rectRounded" },
          },
          tooltip: { callbacks: { label: (at) => ` ${at.dataset.label}: ${share(at.raw)}` } },
        },
      },
    };
  };
  const rows = data.recall_by_bucket.map((row) => [
    row.name,
    ...BUCKETS.map((bucket) => share(row[bucket])),
  ]);
  return html`<${Figure}
    label="Recall of head, tail and cold targets, by method"
    signature=${data.evaluated}
    configure=${configure}
    height=${340}
    table=${{ head: ["method", ...BUCKETS], rows }}
  />`;
}
