// One product: what it is, what of it is in stock, and how both came to that.
import { html } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, money } from "../format.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { Facts, PageHead, Panel } from "../parts/panel.js";
import { Status } from "../parts/status.js";
import { StockBar } from "../parts/stock_bar.js";
import { StoredEvents } from "../parts/stored_events.js";
import { Table } from "../parts/table.js";
import { Wish } from "../parts/wish.js";

export function Product({ words: [id] }) {
  const product = useResource(`queries/products/${id}`, { everySeconds: 15 });
  const stock = useResource(`queries/inventory/${id}`, { everySeconds: 15 });
  useNews(({ stream }) => stream === `product-${id}`, (headers) => product.reload(headers));
  useNews(({ stream }) => stream === `inventory-${id}`, (headers) => stock.reload(headers));
  const name = product.data?.name ?? stock.data?.product_name ?? `Product ${id}`;
  return html`
    <${PageHead} title=${name} lead=${`Product ${id}`}>
      ${product.data && html`<${Wish} ...${newPrice(id)} onDone=${() => product.reload()} />`}
    <//>
    <div class="columns halves">
      <${Panel} title="Catalogue">
        <${Loaded} of=${product} unavailable=${html`<${Empty} title="It is not in the catalogue">It has a stock only, as the first products of a shop do.<//>`}>
          ${(told) => html`<${Facts} rows=${factsOf(told)} />`}<//>
      <//>
      <${Panel} title="Stock">
        <${Loaded} of=${stock} unavailable=${html`<${Empty} title="Nothing of it was ever in stock" />`}>
          ${(told) => html`<${StockBar} stock=${told} /><${Facts} rows=${stockOf(told)} />`}<//>
      <//>
    </div>
    ${stock.data?.pending_orders?.length > 0 && html`
      <${Panel} title="Orders that wait for it"><${Table} caption="Orders that wait" columns=${WAITING} rows=${stock.data.pending_orders} keyOf=${(row) => row.order_id} /><//>`}
    ${stock.data && html`<${Panel} title="What happened to the stock"><${StoredEvents} stream=${`inventory-${id}`} /><//>`}`;
}

const factsOf = (told) => [
  ["State", html`<${Status} of=${told.status} />`],
  ["Price", html`<strong>${money(told.price)}</strong>`],
  ["SKU", told.sku],
  ["Category", told.category],
  ["Description", told.description],
  ["Media", told.counts.media > 0 && count(told.counts.media)],
  ["Attributes", told.attributes.map(({ name, value }) => `${name}: ${value}`).join(", ")],
  ["Rolled back because", told.rollback_reason ?? told.rollback_code],
  ["Changed", html`<${Instant} at=${told.updated_at} />`],
].map(([name, value]) => [name, value || null]);

const stockOf = (told) => [
  ["Available", html`<strong>${count(told.available_quantity)}</strong>`],
  ["Reserved", count(told.reserved_quantity)],
  ["Sold", count(told.sold_quantity)],
  ["Low from", count(told.low_stock_threshold)],
  ["State", told.low_stock_alert ? html`<${Status} of="low" />` : html`<${Status} of="ok" label="Enough" />`],
];

const WAITING = [
  { title: "Order", isMain: true, cell: (row) => html`<a href=${href(`orders/${row.order_id}`)}><code>${row.order_id}</code></a>` },
  { title: "Status", cell: (row) => html`<${Status} of=${row.status} />` },
  { title: "Pieces", isNumber: true, cell: (row) => count(row.quantity) },
  { title: "Placed", cell: (row) => html`<${Instant} at=${row.placed_at} />` },
];

const newPrice = (id) => ({
  title: "Change the price", path: `commands/products/${id}/price`,
  fields: [{ name: "price", title: "Price in EUR", isNeeded: true, attributes: { inputmode: "decimal", pattern: "[0-9]+([.][0-9]+)?" } }],
  body: (values) => values,
  done: (answer) => `The price is changed, at position ${answer.position}`,
});
