// One field of a state or an event, short enough for a line.
import { html } from "../view.js";
import { minorMoney, money } from "../format.js";

const isMoney = (value) => value && typeof value === "object" && "amount" in value && "currency" in value;

export function Value({ of }) {
  if (of === null || of === undefined) return html`<span class="none">–</span>`;
  if (typeof of === "boolean") return of ? "yes" : "no";
  if (isMoney(of)) return typeof of.amount === "number" ? minorMoney(of) : money(of);
  if (Array.isArray(of)) return of.length ? html`<ul class="values">${of.map((one) => html`<li><${Value} of=${one} /></li>`)}</ul>` : "none";
  if (typeof of === "object") return html`<span class="pairs">${pairs(of)}</span>`;
  return String(of);
}

function pairs(object) {
  const rows = Object.entries(object);
  return rows.length ? rows.map(([name, value]) => html`<span><i>${name}</i> <${Value} of=${value} /></span>`) : "none";
}
