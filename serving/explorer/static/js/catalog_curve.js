// The popularity curve, its counts on a logarithmic axis, with head, tail and cold drawn on it.

import { html } from "./ui.js";
import { Figure, quietGrid } from "./figure.js";
import { counted, whole } from "./numbers.js";

// Cold items have no logarithm: they lie on the floor.
const FLOOR = 0.5;
const TONES = { head: "ink", tail: "accent", cold: "soft" };
const powerOfTen = ({ value }) => value >= 1 && Number.isInteger(Math.log10(value));
const powersOfTen = (axis) => {
  axis.ticks = axis.ticks.filter(powerOfTen);
};
/** A last tick at the number of items stands too near to the round one before it. */
const withoutCrowding = (axis) => {
  axis.ticks = axis.ticks.filter(({ value }) => value === 1 || value % 10 === 0);
};

/** The rank that lies under a pixel of the chart. */
const rankAt = (chart, pixel, n) =>
  Math.max(1, Math.min(n, Math.round(chart.scales.x.getValueForPixel(pixel))));

export function CatalogCurve({ data, rank, choose }) {
  const series = Object.keys(TONES).map((bucket) => ({
    bucket,
    points: data.points
      .filter((point) => point.bucket === bucket)
      .map((point) => ({ x: point.rank, y: Math.max(point.count, FLOOR), count: point.count })),
  }));
  const chosen = data.points.reduce(
    (best, point) =>
      rank && (!best || Math.abs(point.rank - rank) < Math.abs(best.rank - rank)) ? point : best,
    null,
  );
  const configure = (colours) => ({
    type: "scatter",
    data: {
      datasets: [
        ...series.map(({ bucket, points }) => ({
          label: `${bucket}: ${counted(data.buckets[bucket] ?? 0, "item")}`,
          data: points,
          showLine: true,
          pointRadius: points.length === 1 ? 3 : 0,
          pointHitRadius: 12,
          borderColor: colours[TONES[bucket]],
          backgroundColor: `${colours[TONES[bucket]]}22`,
          borderDash: bucket === "cold" ? [4, 4] : [],
          borderWidth: 3,
          borderJoinStyle: "round",
          fill: "start",
          pointStyle: "line",
        })),
        ...(chosen
          ? [
              {
                label: "chosen",
                data: [{ x: rank, y: Math.max(chosen.count, FLOOR), count: chosen.count }],
                pointRadius: 7,
                pointHoverRadius: 8,
                borderWidth: 3,
                borderColor: colours.ink,
                backgroundColor: colours.paper,
              },
            ]
          : []),
      ],
    },
    options: {
      onClick: (event, _, chart) => choose(rankAt(chart, event.x, data.n_items)),
      onHover: (event) => {
        event.native.target.style.cursor = "pointer";
      },
      interaction: { mode: "nearest", axis: "x", intersect: false },
      scales: {
        x: {
          ...quietGrid(colours),
          type: "linear",
          min: 1,
          max: data.n_items,
          title: { display: true, text: "popularity rank" },
          afterBuildTicks: withoutCrowding,
          ticks: { maxRotation: 0, callback: (value) => whole(value) },
        },
        y: {
          ...quietGrid(colours),
          type: "logarithmic",
          min: FLOOR,
          title: { display: true, text: "training users" },
          afterBuildTicks: powersOfTen,
          ticks: { callback: (value) => whole(value) },
        },
      },
      plugins: {
        legend: {
          position: "top",
          align: "start",
          labels: { filter: (entry) => entry.text !== "chosen" },
          onClick: () => {},
        },
        tooltip: {
          callbacks: {
            label: (at) => ` rank ${whole(at.raw.x)}: ${counted(at.raw.count, "user")}`,
          },
        },
      },
    },
  });
  const rows = thinned(data.points).map((point) => [
    whole(point.rank),
    whole(point.count),
    point.bucket,
  ]);
  return html`<${Figure}
    label="Training users of every item, by popularity rank, on a logarithmic axis"
    signature=${`${rank} ${data.versions.index}`}
    configure=${configure}
    height=${300}
    table=${{ head: ["rank", "training users", "bucket"], rows }}
    >A click shows the items there. Cold items have no logarithm and lie on the floor.<//
  >`;
}

/** About twenty points: a table is read, not looked at. */
const thinned = (points) => {
  const step = Math.ceil(points.length / 20);
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
};
