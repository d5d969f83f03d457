// The list of orders: searched, narrowed down, page by page, and fresh as soon as something happens to an order.
import { html } from "../view.js";
import { href, narrow, path } from "../router.js";
import { useResource } from "../resource.js";
import { useNews } from "../news.js";
import { counted, money, shortId } from "../format.js";
import { withoutNulls } from "../order_commands.js";
import { Icon } from "../parts/icon.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Pager } from "../parts/pager.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Wish } from "../parts/wish.js";

const PAGE_SIZE = 25;
const STATUSES = ["PENDING", "VALIDATED", "PAID", "SHIPPED", "DELIVERED", "COMPLETED", "REJECTED", "CANCELLED", "REFUNDED"];
const FILTERS = ["q", "status", "user_id", "product_id", "placed_from", "placed_to"];
const COLUMNS = [
  { title: "Order", isMain: true, cell: (order) => html`<a href=${href(`orders/${order.order_id}`)}>${order.order_number ?? shortId(order.order_id)}</a>` },
  { title: "Status", cell: (order) => html`<${Status} of=${order.is_deleted ? "DELETED" : order.status} />` },
  { title: "Customer", cell: (order) => html`<a href=${href(`customers/${order.user_id}`)}>${order.customer_name ?? `Customer ${order.user_id}`}</a>` },
  { title: "Items", cell: (order) => items(order) },
  { title: "Total", isNumber: true, cell: (order) => money(order.total) },
  { title: "Placed", cell: (order) => html`<${Instant} at=${order.placed_at} />` },
];

function items({ items: lines }) {
  const [first, ...others] = lines;
  if (!first) return "none";
  const name = first.product_name ?? `product ${first.product_id}`;
  return `${first.quantity} × ${name}${others.length ? ` and ${others.length} more` : ""}`;
}

/** Days become the instants that the query takes; a day's end is the next one's beginning. */
function asked(query) {
  const wanted = Object.fromEntries([...FILTERS, "cursor"].map((name) => [name, query.get(name)]).filter(([, value]) => value));
  if (wanted.placed_from) wanted.placed_from += "T00:00:00Z";
  if (wanted.placed_to) wanted.placed_to = new Date(Date.parse(wanted.placed_to) + 86_400_000).toISOString();
  return wanted;
}

export function Orders({ query }) {
  const wanted = asked(query);
  const { cursor, ...filters } = wanted;
  const orders = useResource(`queries/orders?${new URLSearchParams({ ...wanted, limit: PAGE_SIZE })}`, { everySeconds: 15 });
  const total = useResource(`queries/orders/count?${new URLSearchParams(filters)}`);
  useNews(({ stream }) => stream.startsWith("order-"), (headers) => Promise.all([orders.reload(headers), total.reload(headers)]));
  const isNarrowed = Object.keys(wanted).length > 0;
  return html`
    <${PageHead} title="Orders" lead=${total.data && leadOf(total.data, isNarrowed)}>
      <${Wish} ...${NEW_ORDER} onDone=${() => orders.reload()} />
    <//>
    <${Filters} query=${query} />
    <${Panel} title="Orders found" kind="bare">
      <${Loaded} of=${orders}>
        ${({ data, next_cursor }) => data.length
          ? html`<${Table} caption="Orders" columns=${COLUMNS} rows=${data} keyOf=${(order) => order.order_id} /><${Pager} nextCursor=${next_cursor} />`
          : html`<${Nothing} isNarrowed=${isNarrowed} />`}
      <//>
    <//>`;
}

const leadOf = ({ count: number, is_exact }, isNarrowed) =>
  `${is_exact ? "" : "more than "}${counted(number, "order")}${isNarrowed ? " found" : ""}, newest first`;

const Nothing = ({ isNarrowed }) => isNarrowed
  ? html`<${Empty} title="No order is like that"><a href=${href(path.value)}>All orders</a><//>`
  : html`<${Empty} title="No orders yet" command=${CURL}>Place one with the button above, or with a line in a terminal:<//>`;

const CURL = `curl -X POST ${location.origin}/cqrs/commands/orders -H 'Content-Type: application/json' -d '{"user_id": 123, "product_id": 456, "quantity": 2}'`;

const NEW_ORDER = {
  title: "Place an order", label: "New order", icon: "plus", kind: "main", path: "commands/orders",
  fields: [
    { name: "user_id", title: "Customer id", type: "number", value: 123, isNeeded: true, attributes: { min: 1 } },
    { name: "customer_name", title: "Customer's name" },
    { name: "product_id", title: "Product id", type: "number", value: 456, isNeeded: true, attributes: { min: 1 } },
    { name: "quantity", title: "Quantity", type: "number", value: 1, isNeeded: true, attributes: { min: 1 } },
  ],
  body: withoutNulls,
  done: (answer) => `Order ${shortId(answer.order_id)} is ${answer.status.toLowerCase()}, at position ${answer.position}`,
};

function Filters({ query }) {
  const value = (name) => query.get(name) ?? "";
  function submit(event) {
    event.preventDefault();
    const given = new FormData(event.target);
    narrow({ cursor: null, ...Object.fromEntries(FILTERS.map((name) => [name, given.get(name)])) });
  }
  return html`
    <form class="filters" role="search" onSubmit=${submit} key=${String(query)}>
      <div class="field wide"><label for="q">Search</label>
        <input id="q" name="q" type="search" defaultValue=${value("q")} placeholder="Name, product, number…" /></div>
      <div class="field"><label for="status">Status</label>
        <select id="status" name="status" onChange=${(event) => event.target.form.requestSubmit()}>
          <option value="">any</option>
          ${STATUSES.map((one) => html`<option value=${one} selected=${one === value("status")}>${one.toLowerCase()}</option>`)}
        </select></div>
      <div class="field"><label for="user_id">Customer id</label>
        <input id="user_id" name="user_id" inputmode="numeric" pattern="[0-9]*" defaultValue=${value("user_id")} /></div>
      <div class="field"><label for="product_id">Product id</label>
        <input id="product_id" name="product_id" inputmode="numeric" pattern="[0-9]*" defaultValue=${value("product_id")} /></div>
      <div class="field"><label for="placed_from">Placed from</label>
        <input id="placed_from" name="placed_from" type="date" defaultValue=${value("placed_from")} /></div>
      <div class="field"><label for="placed_to">Placed to</label>
        <input id="placed_to" name="placed_to" type="date" defaultValue=${value("placed_to")} /></div>
      <button class="button"><${Icon} name="search" />Search</button>
    </form>`;
}
