// The catalogue: searched, narrowed down, page by page.
import { html } from "../view.js";
import { href, narrow, path } from "../router.js";
import { listPath, useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, money } from "../format.js";
import { withoutNulls } from "../order_commands.js";
import { Icon } from "../parts/icon.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Pager } from "../parts/pager.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Wish } from "../parts/wish.js";

const COLUMNS = [
  { title: "Product", isMain: true, cell: (row) => html`<a href=${href(`products/${row.product_id}`)}>${row.name}</a> <small class="fine">${row.sku ?? row.product_id}</small>` },
  { title: "State", cell: (row) => html`<${Status} of=${row.status} />` },
  { title: "Category", cell: (row) => row.category ?? "–" },
  { title: "Price", isNumber: true, cell: (row) => money(row.price) },
  { title: "On hand", isNumber: true, cell: (row) => count(row.inventory?.quantity) },
  { title: "Parts", cell: (row) => `${count(row.counts.media)} media, ${count(row.counts.attributes)} attributes` },
  { title: "Changed", cell: (row) => html`<${Instant} at=${row.updated_at} />` },
];

export function Products({ query }) {
  const wanted = Object.fromEntries(["q", "category", "cursor"].map((name) => [name, query.get(name)]));
  const products = useResource(listPath("queries/products", { ...wanted, limit: 25 }), { everySeconds: 15 });
  useNews(({ stream }) => /^(product|media|attributes)-/.test(stream), (headers) => products.reload(headers));
  return html`
    <${PageHead} title="Products" lead="A product is active once its stock, media and attributes are made; else all of it is rolled back.">
      <${Wish} ...${NEW_PRODUCT} onDone=${() => products.reload()} /><//>
    <${Filters} query=${query} />
    <${Panel} title="Products found" kind="bare">
      <${Loaded} of=${products}>
        ${({ data, next_cursor }) => data.length
          ? html`<${Table} caption="Products" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.product_id} /><${Pager} nextCursor=${next_cursor} />`
          : html`<${Nothing} isNarrowed=${Object.values(wanted).some(Boolean)} />`}
      <//>
    <//>`;
}

const Nothing = ({ isNarrowed }) => isNarrowed
  ? html`<${Empty} title="No product is like that"><a href=${href(path.value)}>All products</a><//>`
  : html`<${Empty} title="No products yet" command=${CURL}>
      What has only a stock is under <a href=${href("inventory")}>Inventory</a>. A product is made with the button above, or:<//>`;

const CURL = `curl -X POST ${location.origin}/cqrs/commands/products -H 'Content-Type: application/json' -d '{"product_id": 501, "name": "Trackball", "price": "79.00", "inventory": {"quantity": 40}}'`;

const NEW_PRODUCT = {
  title: "Create a product", label: "New product", icon: "plus", kind: "main", path: "commands/products",
  fields: [
    { name: "product_id", title: "Number", type: "number", isNeeded: true, attributes: { min: 1 } },
    { name: "name", title: "Name", isNeeded: true },
    { name: "price", title: "Price in EUR", isNeeded: true, attributes: { inputmode: "decimal", pattern: "[0-9]+([.][0-9]+)?" } },
    { name: "sku", title: "SKU", attributes: { pattern: "[A-Z0-9][A-Z0-9._\\-]{0,63}" } },
    { name: "category", title: "Category" },
    { name: "quantity", title: "On hand", type: "number", value: 0, isNeeded: true, attributes: { min: 0 } },
  ],
  body: ({ quantity, ...values }) => ({ ...withoutNulls(values), inventory: { quantity } }),
  done: (answer) => `Product ${answer.product_id} is being made, at position ${answer.position}`,
};

function Filters({ query }) {
  function submit(event) {
    event.preventDefault();
    const given = new FormData(event.target);
    narrow({ cursor: null, q: given.get("q"), category: given.get("category") });
  }
  return html`
    <form class="filters" role="search" onSubmit=${submit} key=${String(query)}>
      <div class="field wide"><label for="q">Search</label><input id="q" name="q" type="search" defaultValue=${query.get("q") ?? ""} /></div>
      <div class="field"><label for="category">Category</label><input id="category" name="category" defaultValue=${query.get("category") ?? ""} /></div>
      <button class="button"><${Icon} name="search" />Search</button>
    </form>`;
}
