// The last evaluation: the table, what more tail costs overall, and recall by bucket.

import { html } from "./ui.js";
import { read } from "./api.js";
import { Failure, Notice, Skeleton } from "./notices.js";
import { counted, share } from "./numbers.js";
import { BucketRecall, TradeOff } from "./quality_charts.js";
import { useResource } from "./resource.js";

// A rival's cell, when the subject is provably better or worse than it.
const MARKS = { better: ["↓", "significantly below"], worse: ["↑", "significantly above"] };

export function Quality() {
  const { data, error, loading, again } = useResource("evaluation", (signal) =>
    read("v1/evaluation", {}, signal),
  );
  if (loading) return html`<${Skeleton} kind="block" lines=${3} />`;
  if (error?.code === "no_evaluation") {
    return html`<div>
      <header class="heading"><h1>Quality</h1></header>
      <${Notice} heading="No evaluation yet">
        <p>
          ${error.message}. It ranks the whole catalog for every held-out user, beside baselines,
          and takes a few minutes; then load this page again.
        </p>
      <//>
    </div>`;
  }
  if (error) return html`<${Failure} error=${error} again=${again} />`;
  return html`<div class="quality">
    <header class="heading">
      <h1>Quality</h1>
      <p class="lede">
        ${counted(data.users, "held-out user")}, ${counted(data.targets.all, "target")}, the whole
        catalog ranked for each. Evaluated on ${" "}
        <time datetime=${data.evaluated}>${data.evaluated.slice(0, 10)}</time>.
      </p>
    </header>
    <${Results} data=${data} />
    <section>
      <h2>What more tail costs</h2>
      <p class="reading">
        Each line is a method from debiasing 0 to 1. Up and to the right is better: more of both
        kinds of targets found.
      </p>
      <${TradeOff} data=${data} />
    </section>
    <section>
      <h2>Recall by bucket</h2>
      <p class="reading">
        How much of what users took next is among the first ${data.k}, by the bucket of what they
        took.
      </p>
      <${BucketRecall} data=${data} />
    </section>
  </div>`;
}

function Results({ data }) {
  const tested = data.rows.some((row) =>
    Object.values(row.subject_is).some((verdict) => verdict in MARKS),
  );
  const mark = (row, key) =>
    tested && html`<${Mark} verdict=${row.subject_is[key]} subject=${data.subject} />`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Results">
      <table class="results">
        <thead>
          <tr>
            <th scope="col">recommender</th>
            ${data.columns.map(
              ({ key, heading, meaning }) =>
                html`<th key=${key} scope="col" title=${meaning}>${heading}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${data.rows.map(
            (row) =>
              html`<tr key=${row.name} class=${row.own ? "own" : ""}>
                <th scope="row">${row.name}</th>
                ${data.columns.map(
                  ({ key }) => html`<td key=${key}>${share(row.values[key])}${mark(row, key)}</td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="reading">
      All at the first ${data.k}.${" "}
      ${
        tested &&
        data.confidence &&
        `↓ ↑ mark what is significantly below or above ${data.subject} ` +
          `(${100 * data.confidence} %, paired bootstrap over users, Holm-corrected).`
      }
    </p>`;
}

function Mark({ verdict, subject }) {
  const [sign, words] = MARKS[verdict] ?? ["", ""];
  return html`<span class="mark"
    ><span aria-hidden="true">${sign}</span
    >${words && html`<span class="unseen"> ${words} ${subject}</span>`}</span
  >`;
}
