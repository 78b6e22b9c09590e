// How numbers are written on the page.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 12101 -> "12,101" */
export const whole = (value) => WHOLE.format(value);

/** A probability with two digits that count: 0.0321 -> "3.2 %"; "–" where it is unknown. */
export function probability(value) {
  if (value == null) return "–";
  const percent = 100 * value;
  if (percent > 0 && percent < 0.01) return "< 0.01 %";
  return `${percent >= 10 ? percent.toFixed(0) : Number(percent.toPrecision(2))} %`;
}

/** A percentile: 87.5 -> "88"; "–" where it is unknown. */
export const percentile = (value) => (value == null ? "–" : value.toFixed(0));

/** A strength in [0, 1]: 0.3 -> "0.30" */
export const strength = (value) => Number(value).toFixed(2);

/** A share as tables of papers have it: 0.1234 -> ".1234" */
export const share = (value) => (value == null ? "–" : value.toFixed(4).replace(/^0/, ""));

/** 3 -> "3 users", 1 -> "1 user" */
export const counted = (n, noun) => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;

/** The mean of some numbers, null of none. */
export function mean(values) {
  const known = values.filter((value) => value != null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}
