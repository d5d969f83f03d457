// Sagas by state; those that wait for a person first.
import { html } from "../view.js";
import { href, narrow, path } from "../router.js";
import { listPath, useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, seconds, shortId, words } from "../format.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Pager } from "../parts/pager.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";

const STATES = [["", "all"], ["stuck", "stuck"], ["running", "running"], ["over", "over"]];
const COLUMNS = [
  { title: "Saga", isMain: true, cell: (row) => html`<a href=${href(`sagas/${row.saga}/${row.id}`)}>${words(row.saga)}</a> <small class="fine">${shortId(row.subject ?? row.id)}</small>` },
  { title: "State", cell: (row) => html`<${Status} of=${row.is_stuck ? "stuck" : row.state} />` },
  { title: "Step", cell: (row) => row.step ?? "–" },
  { title: "Attempts", isNumber: true, cell: (row) => count(row.attempts) },
  { title: "Waits for", cell: (row) => row.trouble ?? row.waits_for ?? "–" },
  { title: "Age", isNumber: true, cell: (row) => seconds(row.age_seconds) },
  { title: "Changed", cell: (row) => html`<${Instant} at=${row.updated_at} />` },
];

export function Sagas({ query }) {
  const state = query.get("state") ?? "";
  const sagas = useResource(listPath("ops/sagas", { state, limit: 25, cursor: query.get("cursor") }), { everySeconds: 5 });
  useNews(({ actor }) => actor === "saga", () => sagas.reload());
  return html`
    <${PageHead} title="Sagas" lead="What goes on after a command: stock is reserved, payments are taken, and what cannot be finished is undone." />
    <div class="choice" role="group" aria-label="State">
      ${STATES.map(([one, title]) => html`<button aria-pressed=${one === state} onClick=${() => narrow({ state: one, cursor: null })}>${words(title)}</button>`)}
    </div>
    <${Panel} title="Sagas found" kind="bare">
      <${Loaded} of=${sagas} unavailable=${UNAVAILABLE}>
        ${({ data, next_cursor }) => data.length
          ? html`<${Table} caption="Sagas" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.saga + row.id} /><${Pager} nextCursor=${next_cursor} />`
          : html`<${Nothing} state=${state} />`}
      <//>
    <//>`;
}

const UNAVAILABLE = html`<${Empty} title="The list of sagas cannot be had now" command="cqrs sagas list">The command service does not answer, or is of an older version. In a terminal:<//>`;

const Nothing = ({ state }) => state === "stuck"
  ? html`<${Empty} title="None is stuck">No saga waits for a person. <a href=${href(path.value)}>All of them</a><//>`
  : html`<${Empty} title="No saga is like that">Each order begins one: <a href=${href("orders")}>place one</a>.<//>`;
