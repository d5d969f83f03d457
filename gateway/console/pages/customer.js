// One customer: what they ordered and spent.
import { html } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, counted, money, words } from "../format.js";
import { Bars } from "../parts/bars.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { Figures, PageHead, Panel } from "../parts/panel.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";

export function Customer({ words: [id] }) {
  const summary = useResource(`queries/users/${id}/summary`, { everySeconds: 15 });
  const orders = useResource(`queries/users/${id}/orders?limit=25`, { everySeconds: 15 });
  useNews(({ stream }) => stream.startsWith("order-"), (headers) => Promise.all([summary.reload(headers), orders.reload(headers)]));
  const name = orders.data?.data.find((order) => order.customer_name)?.customer_name;
  return html`
    <${PageHead} title=${name ?? `Customer ${id}`} lead=${name && `Customer ${id}`}>
      <a class="button" href=${href("orders", { user_id: id })}>All their orders</a><//>
    <${Loaded} of=${summary} unavailable=${html`<${Empty} title="Nobody with this number has ordered yet" />`}>
      ${(told) => html`<${Summary} of=${told} />`}
    <//>
    <${Panel} title="Newest orders">
      <${Loaded} of=${orders}>
        ${({ data }) => data.length ? html`<${Table} caption="Orders" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.order_id} />` : html`<${Empty} title="No orders" />`}
      <//>
    <//>`;
}

const Summary = ({ of: told }) => html`
  <${Figures} rows=${[
    ["Orders", count(told.total_orders)],
    ["Spent", told.spent.map(money).join(", ") || "nothing yet"],
    ["Average order", told.avg_order_value ? money({ amount: told.avg_order_value, currency: told.spent[0]?.currency ?? "EUR" }) : "–"],
  ]} />
  <div class="columns halves">
    <${Panel} title="Orders by status"><${Bars} label="Orders by status" rows=${statuses(told.order_statuses)} /><//>
    <${Panel} title="Bought most"><${Bars} label="Bought most" rows=${products(told.favorite_products)} /><//>
  </div>`;

const statuses = (counts) => Object.entries(counts).map(([status, value]) => ({ name: words(status), value, shown: count(value) }));
const products = (favorites) => favorites.map(({ product_id, quantity }) => ({
  name: html`<a href=${href(`products/${product_id}`)}>Product ${product_id}</a>`, value: quantity, shown: counted(quantity, "piece"),
}));

const COLUMNS = [
  { title: "Order", isMain: true, cell: (row) => html`<a href=${href(`orders/${row.order_id}`)}>${row.order_number}</a>` },
  { title: "Status", cell: (row) => html`<${Status} of=${row.status} />` },
  { title: "Total", isNumber: true, cell: (row) => money(row.total) },
  { title: "Placed", cell: (row) => html`<${Instant} at=${row.placed_at} />` },
];
