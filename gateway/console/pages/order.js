// One order: what it is now, how it came to that, what follows from it, and what may be done.
import { html } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, exact, money, shortId, words } from "../format.js";
import { commandsFor } from "../order_commands.js";
import { Instant } from "../parts/instant.js";
import { Loaded } from "../parts/notices.js";
import { Facts, PageHead, Panel } from "../parts/panel.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Tabs } from "../parts/tabs.js";
import { Wish } from "../parts/wish.js";
import { History } from "../parts/history.js";
import { SagaSteps } from "../parts/saga_steps.js";
import { StoredEvents } from "../parts/stored_events.js";
import { Consequences } from "../parts/consequences.js";

const TABS = [["history", "Versions"], ["events", "Stored events"], ["saga", "Saga"], ["causes", "What followed"]];

export function Order({ words: [id], query }) {
  const order = useResource(`queries/orders/${id}`, { everySeconds: 15 });
  useNews((commit) => commit.stream === `order-${id}`, (headers) => order.reload(headers));
  return html`
    <${Loaded} of=${order}>
      ${(told) => html`
        <${Head} order=${told} reload=${order.reload} />
        <div class="columns main-aside">
          <${Now} order=${told} />
          <${Timeline} of=${told.timeline} />
        </div>
        <${Behind} order=${told} query=${query} />`}
    <//>`;
}

function Head({ order, reload }) {
  const onDone = (answer) => reload(answer.token ? { "Consistency-Token": answer.token } : {});
  const status = html`<${Status} of=${order.is_deleted ? "DELETED" : order.status} />`;
  return html`
    <${PageHead} title=${order.order_number ?? `Order ${shortId(order.order_id)}`}
      lead=${html`${status} placed <${Instant} at=${order.placed_at} /> by <a href=${href(`customers/${order.user_id}`)}>${order.customer_name ?? `customer ${order.user_id}`}</a>`}>
      ${commandsFor(order, onDone).map((wish) => html`<${Wish} ...${wish} key=${wish.title} />`)}
    <//>`;
}

const ITEM_COLUMNS = [
  { title: "Product", isMain: true, cell: (item) => html`<a href=${href(`products/${item.product_id}`)}>${item.product_name ?? `Product ${item.product_id}`}</a>` },
  { title: "Pieces", isNumber: true, cell: (item) => count(item.quantity) },
  { title: "Price", isNumber: true, cell: (item) => money(item.unit_price) },
];

const Now = ({ order }) => html`
  <${Panel} title="As it is now" aside=${html`<span class="fine">version ${order.version}</span>`}>
    <${Table} caption="Items" columns=${ITEM_COLUMNS} rows=${order.items} keyOf=${(item) => item.product_id} />
    <${Facts} rows=${factsOf(order)} />
  <//>`;

const factsOf = (order) => [
  ["Total", order.total && html`<strong>${money(order.total)}</strong>`],
  ["Payment", order.payment_info && payment(order.payment_info)],
  ["Refunded", order.refunded && money(order.refunded)],
  ["Shipped by", order.shipment && [order.shipment.carrier, order.shipment.tracking_number].filter(Boolean).join(", ")],
  ["Shipped to", order.shipping_address && Object.values(order.shipping_address).filter(Boolean).join(", ")],
  ["Rejected because", order.reject_reason ?? order.reject_code],
  ["Cancelled because", order.cancel_reason ?? order.cancel_code],
  ["E-mail", order.user_email],
  ["Order id", html`<code class="breaks">${order.order_id}</code>`],
];

const payment = ({ status, amount, reason }) => html`
  <${Status} of=${status} /> ${amount && money(amount)}${reason && html`, ${reason}`}`;

const Timeline = ({ of }) => html`
  <${Panel} title="Timeline">
    <ol class="timeline">
      ${of.map(({ event, timestamp }, at) => html`
        <li class=${at === of.length - 1 ? "last" : ""}>
          <strong>${words(event)}</strong>
          <span class="fine"><${Instant} at=${timestamp} />, ${exact(timestamp).slice(11, 23)}</span>
        </li>`)}
    </ol>
  <//>`;

function Behind({ order, query }) {
  const chosen = TABS.some(([id]) => id === query.get("show")) ? query.get("show") : "history";
  const Look = { history: History, events: StoredEvents, saga: SagaOf, causes: Consequences }[chosen];
  return html`
    <section class="panel" aria-label="Behind it">
      <${Tabs} tabs=${TABS} chosen=${chosen} name="show" label="Behind this order">
        <${Look} stream=${`order-${order.order_id}`} id=${order.order_id} version=${order.version} query=${query} names=${namesIn(order)} key=${chosen} />
      <//>
    </section>`;
}

/** Of products, by id, as the order knows them today. */
const namesIn = ({ items }) => new Map(items.map(({ product_id, product_name }) => [product_id, product_name]));

function SagaOf({ id, version }) {
  const saga = useResource(`queries/orders/${id}/saga`, { everySeconds: 5 });
  useNews((commit) => commit.correlation_id === id, () => saga.reload());
  return html`
    <${Loaded} of=${saga} unavailable=${html`<p class="quiet">No saga has begun for this order (version ${version}).</p>`}>
      ${(told) => html`<${SagaSteps} saga=${told} />`}
    <//>`;
}
