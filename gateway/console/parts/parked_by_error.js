// Parked documents, by what stopped them; each group is folded again with one button.
import { html } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { count, words } from "../format.js";
import { Empty, Loaded } from "./notices.js";
import { Panel } from "./panel.js";
import { Status } from "./status.js";
import { Table } from "./table.js";
import { Wish } from "./wish.js";

export function ParkedByError() {
  const errors = useResource("ops/parked/errors", { everySeconds: 2 });
  const parked = useResource("ops/parked?limit=25", { everySeconds: 2 });
  const reload = () => { errors.reload(); parked.reload(); };
  const number = errors.data?.data.reduce((sum, { count: more }) => sum + more, 0) ?? null;
  return html`
    <${Panel} title="Parked documents" aside=${number !== null && html`<span id="parked-count" data-count=${number}><${Status} of=${number ? "parked" : "ok"} label=${`${count(number)} parked`} /></span>`}>
      <${Loaded} of=${errors}>
        ${({ data }) => data.length
          ? html`<${Table} caption="By error" columns=${byError(reload)} rows=${data} keyOf=${(row) => row.projection + row.code + row.detail} />`
          : html`<${Empty} title="Nothing is parked">A document is parked when an event of it cannot be read or folded; all others go on meanwhile.<//>`}
      <//>
      ${parked.data?.data.length > 0 && html`<${Table} caption="One by one" columns=${ONE_BY_ONE} rows=${parked.data.data} keyOf=${(row) => row.projection + row.key} />`}
    <//>`;
}

const byError = (reload) => [
  { title: "Error", isMain: true, cell: (row) => html`${words(row.code)} <small class="fine">${row.detail}</small>` },
  { title: "Read model", cell: (row) => words(row.projection) },
  { title: "Documents", isNumber: true, cell: (row) => count(row.count) },
  { title: "Since position", isNumber: true, cell: (row) => count(row.first_position) },
  { title: "What can be done", cell: (row) => html`<${Wish} ...${retry(row, reload)} />` },
];

const retry = ({ code, count: number }, reload) => ({
  title: "Fold them again", label: "Retry", icon: "again", path: "ops/parked/retry", onDone: reload,
  explains: `Repair the cause first (mostly: run the version that knows the event). Then all that ${words(code).toLowerCase()} stopped (${count(number)} here) is folded again from the log.`,
  body: () => ({ code }),
  done: ({ documents }) => `${count(documents)} ${documents === 1 ? "document is" : "documents are"} folded again`,
});

const ONE_BY_ONE = [
  { title: "Document", isMain: true, cell: (row) => html`<a href=${href(`projections/parked/${row.projection}/${row.key}`)}>${words(row.projection)} <code class="breaks">${row.key}</code></a>` },
  { title: "Error", cell: (row) => words(row.code) },
  { title: "At position", isNumber: true, cell: (row) => count(row.position) },
  { title: "Version shown", isNumber: true, cell: (row) => (row.version ? count(row.version) : "none") },
];
