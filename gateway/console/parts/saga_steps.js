// One saga: its state, and each command it sent, with outcome and attempts.
import { html } from "../view.js";
import { count, words } from "../format.js";
import { Instant } from "./instant.js";
import { Facts } from "./panel.js";
import { Status } from "./status.js";
import { Table } from "./table.js";

const COLUMNS = [
  { title: "Command", isMain: true, cell: ({ command, step, is_compensation }) => html`${words(command)} <small class="fine">${is_compensation ? "compensation" : step}</small>` },
  { title: "Outcome", cell: ({ outcome }) => html`<${Status} of=${outcome ?? "waiting"} />` },
  { title: "Attempts", isNumber: true, cell: ({ attempts }) => count(attempts) },
  { title: "Trouble", cell: ({ last_error, detail, code }) => last_error ?? detail ?? code ?? "–" },
  { title: "When", cell: ({ done_at, asked_at, at }) => html`<${Instant} at=${at ?? done_at ?? asked_at} />` },
];

export const SagaSteps = ({ saga }) => html`
  <${Facts} rows=${[
    ["Saga", words(saga.saga)],
    ["State", html`<${Status} of=${saga.is_stuck ? "stuck" : saga.state} />`],
    ["Waits for", saga.waits_for && html`${saga.waits_for}${saga.waits_until && html` until <${Instant} at=${saga.waits_until} />`}`],
    ["Trouble", saga.trouble],
    ["Began", html`<${Instant} at=${saga.started_at} />`],
  ]} />
  <${Table} caption="Steps" columns=${COLUMNS} rows=${saga.steps} keyOf=${({ command_id }) => command_id} />`;
