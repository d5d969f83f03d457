// Rows under headings; on a phone each row becomes a card with its headings inside.
import { html } from "../view.js";

/**
 * @param {{caption: string, rows: object[], keyOf: (row: object) => any,
 *          columns: {title: string, cell: (row: object) => any, isNumber?: boolean, isMain?: boolean}[]}} told
 * `isMain` is the column that names the row.
 */
export const Table = ({ caption, columns, rows, keyOf }) => html`
  <div class="table" role="region" aria-label=${caption} tabindex="0">
    <table>
      <caption class="unseen">${caption}</caption>
      <thead><tr>${columns.map(heading)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${keyOf(row)}>${columns.map((column) => cellOf(column, row))}</tr>`)}</tbody>
    </table>
  </div>`;

const heading = ({ title, isNumber }) => html`<th scope="col" class=${isNumber ? "number" : ""}>${title}</th>`;

function cellOf({ title, cell, isNumber, isMain }, row) {
  const content = html`<span class="cell">${cell(row)}</span>`;
  return isMain
    ? html`<th scope="row" data-title=${title}>${content}</th>`
    : html`<td data-title=${title} class=${isNumber ? "number" : ""}>${content}</td>`;
}
