// The best customers, and the way to any other.
import { html } from "../view.js";
import { go, href, narrow } from "../router.js";
import { listPath, useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, money } from "../format.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Table } from "../parts/table.js";

const COLUMNS = [
  { title: "Customer", isMain: true, cell: (row) => html`<a href=${href(`customers/${row.user_id}`)}>Customer ${row.user_id}</a>` },
  { title: "Orders", isNumber: true, cell: (row) => count(row.orders) },
  { title: "Spent", isNumber: true, cell: (row) => money(row.spent) },
];

export function Customers({ query }) {
  const by = query.get("by") === "orders" ? "orders" : "spent";
  const best = useResource(listPath("queries/statistics/customers", { by, limit: 50 }), { everySeconds: 15 });
  useNews(({ stream }) => stream.startsWith("order-"), (headers) => best.reload(headers));
  return html`
    <${PageHead} title="Customers" lead=${`Those who ${by === "orders" ? "ordered most often" : "spent most"} come first.`} />
    <div class="filters">
      <form class="filters inner" role="search" onSubmit=${find}>
        <div class="field"><label for="user">Number</label>
          <input id="user" name="user" inputmode="numeric" pattern="[0-9]+" required /></div>
        <button class="button"><${Icon} name="search" />Go</button>
      </form>
      <div class="field"><label for="by">Order by</label>
        <select id="by" onChange=${(event) => narrow({ by: event.target.value })}>
          <option value="spent" selected=${by === "spent"}>what they spent</option>
          <option value="orders" selected=${by === "orders"}>how often they ordered</option>
        </select></div>
    </div>
    <${Panel} title="Best customers" kind="bare">
      <${Loaded} of=${best}>
        ${({ data }) => data.length
          ? html`<${Table} caption="Best customers" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.user_id} />`
          : html`<${Empty} title="Nobody has paid yet">Pay an order on <a href=${href("orders", { status: "VALIDATED" })}>its page</a>, and who placed it stands here.<//>`}
      <//>
    <//>`;
}

function find(event) {
  event.preventDefault();
  go(href(`customers/${event.target.elements.user.value}`));
}
