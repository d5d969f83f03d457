// How much of a stock is available, and how much is reserved.
import { html } from "../view.js";
import { count } from "../format.js";

export function StockBar({ stock }) {
  const { available_quantity: available, reserved_quantity: reserved } = stock;
  const all = Math.max(available + reserved, 1);
  return html`
    <span class="stock" role="img" aria-label=${`${count(available)} available, ${count(reserved)} reserved`}>
      <i class="available" style=${{ width: `${(available / all) * 100}%` }}></i><i class="reserved" style=${{ width: `${(reserved / all) * 100}%` }}></i>
    </span>`;
}

export const StockKey = () => html`
  <span class="key"><i class="swatch block" style=${{ color: "var(--series-1)" }}></i>available
    <i class="swatch block hatched" style=${{ color: "var(--series-2)" }}></i>reserved for orders</span>`;
