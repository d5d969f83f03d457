// Amounts side by side, longest first or as given; each with its name and figure in words.
import { html } from "../view.js";

/** @param {{label: string, rows: {name: any, value: number, shown: string}[]}} told */
export function Bars({ label, rows }) {
  const most = Math.max(...rows.map(({ value }) => value), 1);
  return html`
    <ul class="bars" aria-label=${label}>
      ${rows.map(({ name, value, shown }) => html`
        <li><span class="bar-name">${name}</span><b>${shown}</b>
          <i class="bar"><i style=${{ width: `${(value / most) * 100}%` }}></i></i></li>`)}
    </ul>`;
}
