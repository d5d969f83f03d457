// Sums over all orders, drawn where people would rather look than read.
import { html, useMemo } from "../view.js";
import { href, narrow } from "../router.js";
import { listPath, useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, money, roundMoney, share, words } from "../format.js";
import { Bars } from "../parts/bars.js";
import { Chart } from "../parts/chart.js";
import { Empty, Loaded } from "../parts/notices.js";
import { Figures, PageHead, Panel } from "../parts/panel.js";

const PERIODS = ["day", "week", "month"];

export function Statistics({ query }) {
  const period = PERIODS.includes(query.get("period")) ? query.get("period") : "day";
  const sums = useResource("queries/statistics/orders", { everySeconds: 15 });
  const revenue = useResource(listPath("queries/statistics/revenue", { period }), { everySeconds: 15 });
  useNews(({ stream }) => stream.startsWith("order-"), (headers) => Promise.all([sums.reload(headers), revenue.reload(headers)]));
  return html`
    <${PageHead} title="Statistics" lead="All orders but rejected and deleted ones; a day is a UTC day." />
    <${Loaded} of=${sums}>${(told) => (told.total_orders ? html`<${Sums} of=${told} />` : html`<${NoOrders} />`)}<//>
    <${Panel} title="Revenue" aside=${html`<${Periods} chosen=${period} />`}>
      <${Loaded} of=${revenue}>${({ data }) => (data.length ? html`<${Revenue} data=${data} key=${period} />` : html`<${Empty} title="No money has moved yet" />`)}<//>
    <//>`;
}

const NoOrders = () => html`<${Empty} title="No orders yet"><a href=${href("orders")}>Place one</a>, and there is something to count.<//>`;

const Sums = ({ of: told }) => html`
  <${Figures} rows=${[
    ["Orders", count(told.total_orders), `${count(told.total_items)} items`],
    ["Customers", count(told.total_users)],
    ["Revenue", told.revenue.map(money).join(", ") || "–"],
    ["Average order", told.average_order_values.map(money).join(", ") || "–", "of paid ones"],
    ["Ever paid", share(told.conversion.rate), `${count(told.conversion.paid)} of ${count(told.conversion.initiated)} placed`],
  ]} />
  <div class="columns thirds">
    <${Panel} title="By status"><${Bars} label="Orders by status" rows=${byStatus(told.by_status)} /><//>
    <${Panel} title="Why orders were cancelled">
      ${told.cancellations.reasons.length
        ? html`<${Bars} label="Reasons of cancellations" rows=${told.cancellations.reasons.map(({ reason, orders }) => ({ name: reason || "no reason", value: orders, shown: count(orders) }))} />`
        : html`<${Empty} title="None was" />`}
    <//>
    <${Panel} title="Best customers">
      ${told.best_customers.length
        ? html`<${Bars} label="Best customers" rows=${told.best_customers.slice(0, 8).map(customer)} />`
        : html`<${Empty} title="Nobody has paid yet" />`}
    <//>
  </div>`;

const byStatus = (counts) => Object.entries(counts).sort(([, one], [, other]) => other - one).map(([status, value]) => ({
  name: html`<a href=${href("orders", { status })}>${words(status)}</a>`, value, shown: count(value),
}));

const customer = ({ user_id, total_spent, spent }) => ({
  name: html`<a href=${href(`customers/${user_id}`)}>Customer ${user_id}</a>`, value: total_spent, shown: money(spent),
});

const Periods = ({ chosen }) => html`
  <div class="choice" role="group" aria-label="Period">
    ${PERIODS.map((one) => html`<button aria-pressed=${one === chosen} onClick=${() => narrow({ period: one === "day" ? null : one }, { replace: true })}>${words(one)}</button>`)}
  </div>`;

function Revenue({ data }) {
  const plotted = useMemo(() => ({
    seconds: data.map((_, at) => at),
    lines: [
      { name: "net", color: "--series-1", values: data.map(({ net }) => Number(net.amount)) },
    ],
  }), [data]);
  const format = (value) => (value === null ? "–" : money({ amount: value, currency: data[0].net.currency }));
  return html`<${Chart} title="Captured and not given back" ...${plotted} bars format=${format} scale=${(amount) => roundMoney({ amount, currency: data[0].net.currency })} ticks=${(at) => data[at]?.period ?? ""} />`;
}
