// RabbitMQ's queues, as its management API tells of them.
import { html } from "../view.js";
import { useResource } from "../resource.js";
import { count, rate } from "../format.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";

const COLUMNS = [
  { title: "Queue", isMain: true, cell: (row) => html`<code>${row.name}</code> <small class="fine">${row.type}</small>` },
  { title: "State", cell: (row) => html`<${Status} of=${row.state === "running" ? "ok" : row.state} label=${row.state} />` },
  { title: "Messages", isNumber: true, cell: (row) => count(row.messages) },
  { title: "Ready", isNumber: true, cell: (row) => count(row.ready) },
  { title: "In hand", isNumber: true, cell: (row) => count(row.unacknowledged) },
  { title: "Consumers", isNumber: true, cell: (row) => count(row.consumers) },
  { title: "In", isNumber: true, cell: (row) => rate(row.published_per_second) },
  { title: "Out", isNumber: true, cell: (row) => rate(row.delivered_per_second) },
];

export function Queues() {
  const queues = useResource("ops/queues", { everySeconds: 5 });
  const told = queues.data;
  return html`
    <${PageHead} title="Queues" lead="RabbitMQ is the fast copy: what is lost here is read from the log.">
      ${told?.management_url && html`<a class="button" href=${told.management_url} target="_blank" rel="noreferrer"><${Icon} name="out" />RabbitMQ's own pages</a>`}
    <//>
    <${Panel} title="Queues" kind="bare">
      <${Loaded} of=${queues} unavailable=${NO_MONITOR}>
        ${({ is_available, data }) => {
          if (!is_available) return html`<${Empty} title="RabbitMQ's management API does not answer" command="cqrs status">Views go on from the log. Is the broker there? The monitor needs MANAGEMENT_URL:<//>`;
          return data.length ? html`<${Table} caption="Queues" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.name} />` : html`<${Empty} title="There are no queues yet">The services make them when they start.<//>`;
        }}
      <//>
    <//>`;
}

const NO_MONITOR = html`<${Empty} title="The monitor does not run" command="python -m monitor">It asks RabbitMQ, and keeps what it hears. Start it:<//>`;
