// What is in stock: on hand, reserved, sold, and who waits for it.
import { html } from "../view.js";
import { href } from "../router.js";
import { listPath, useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, counted, money } from "../format.js";
import { withoutNulls } from "../order_commands.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Pager } from "../parts/pager.js";
import { Status } from "../parts/status.js";
import { StockBar, StockKey } from "../parts/stock_bar.js";
import { Table } from "../parts/table.js";
import { Wish } from "../parts/wish.js";

const COLUMNS = [
  { title: "Product", isMain: true, cell: (row) => html`<a href=${href(`products/${row.product_id}`)}>${row.product_name}</a> <small class="fine">${row.product_id}</small>` },
  { title: "Share", cell: (row) => html`<${StockBar} stock=${row} />` },
  { title: "Available", isNumber: true, cell: (row) => count(row.available_quantity) },
  { title: "Reserved", isNumber: true, cell: (row) => count(row.reserved_quantity) },
  { title: "Sold", isNumber: true, cell: (row) => count(row.sold_quantity) },
  { title: "Price", isNumber: true, cell: (row) => money(row.unit_price) },
  { title: "Wait for it", isNumber: true, cell: (row) => html`<a href=${href("orders", { product_id: row.product_id, status: "VALIDATED" })}>${counted(row.pending_orders_count, "order")}</a>` },
  { title: "State", cell: (row) => (row.low_stock_alert ? html`<${Status} of="low" label="Low" />` : html`<${Status} of="ok" label="Enough" />`) },
  { title: "Changed", cell: (row) => html`<${Instant} at=${row.updated_at} />` },
];

export function Inventory({ query }) {
  const stock = useResource(listPath("queries/inventory", { limit: 50, cursor: query.get("cursor") }), { everySeconds: 15 });
  useNews(({ stream }) => stream.startsWith("inventory-"), (headers) => stock.reload(headers));
  return html`
    <${PageHead} title="Inventory" lead=${html`<${StockKey} />`}><${Wish} ...${STOCK} onDone=${() => stock.reload()} /><//>
    <${Panel} title="Stock" kind="bare">
      <${Loaded} of=${stock}>
        ${({ data, next_cursor }) => data.length
          ? html`<${Table} caption="Stock" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.product_id} /><${Pager} nextCursor=${next_cursor} />`
          : html`<${Empty} title="Nothing is in stock" command=${CURL}>Put something there with the button above, or:<//>`}
      <//>
    <//>`;
}

const CURL = `curl -X POST ${location.origin}/cqrs/commands/inventory -H 'Content-Type: application/json' -d '{"product_id": 456, "product_name": "Keyboard", "quantity": 100, "unit_price": "49.99"}'`;

const STOCK = {
  title: "Set the stock", icon: "plus", kind: "main", path: "commands/inventory",
  explains: "What is left empty stays as it is. A product that is not there yet needs a name.",
  fields: [
    { name: "product_id", title: "Product id", type: "number", isNeeded: true, attributes: { min: 1 } },
    { name: "product_name", title: "Product's name" },
    { name: "quantity", title: "On hand", type: "number", attributes: { min: 0 } },
    { name: "unit_price", title: "Price in EUR", attributes: { inputmode: "decimal", pattern: "[0-9]+([.][0-9]+)?" } },
    { name: "low_stock_threshold", title: "Low from", type: "number", attributes: { min: 0 } },
  ],
  body: withoutNulls,
  done: (answer) => `The stock is set: version ${answer.version} at position ${answer.position}`,
};
