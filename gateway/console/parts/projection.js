// One read model: what is shown, what is built beside it, and what may be done.
import { html, useRef } from "../view.js";
import { useResource } from "../resource.js";
import { count, counted, rate, seconds, words } from "../format.js";
import { Instant } from "./instant.js";
import { Loaded } from "./notices.js";
import { Facts, Panel } from "./panel.js";
import { Status } from "./status.js";
import { Wish } from "./wish.js";

const UNDER_WAY = ["asked", "building", "following", "comparing"];

export function Projection({ projection, head, reload }) {
  const pace = usePace(projection.position);
  const isBusy = projection.generations.some(({ state }) => UNDER_WAY.includes(state));
  return html`
    <${Panel} title=${words(projection.name)} aside=${html`<${Status} ...${stateOf(projection, head, isBusy)} />`}>
      <${Facts} rows=${factsOf(projection, head, pace)} />
      ${projection.generations.map((one) => html`<${Generation} generation=${one} name=${projection.name} reload=${reload} key=${one.generation} />`)}
      ${projection.difference && html`<${Difference} of=${projection.difference} since=${projection.shown_at} />`}
      ${projection.differences > 0 && html`<${Differences} name=${projection.name} />`}
      <div class="actions">${wishesFor(projection, isBusy, reload).map((wish) => html`<${Wish} ...${wish} key=${wish.title} />`)}</div>
    <//>`;
}

function stateOf({ parked, differences, position }, head, isBusy) {
  if (isBusy) return { of: "building", label: "Building another one" };
  if (differences) return { of: "different" };
  if (parked) return { of: "parked", label: `${count(parked)} parked` };
  return head !== null && position < head ? { of: "following", label: "Following the log" } : { of: "ok", label: "Up to date" };
}

const factsOf = ({ shown, position, documents, parked, verified_at, differences }, head, pace) => [
  ["Shown", html`<code>${shown}</code>`],
  ["Position", count(position)],
  ["Behind", head === null ? null : counted(Math.max(0, head - position), "commit")],
  ["Rate", rate(pace)],
  ["Documents", count(documents)],
  ["Parked", parked ? html`<${Status} of="parked" label=${count(parked)} />` : "none"],
  ["Compared", verified_at ? html`${differences ? `${count(differences)} differ from the log` : "as the log has it"}, <${Instant} at=${verified_at} />` : "not yet"],
];

/** Positions a second, between the last two looks that differ in time. */
function usePace(position) {
  const before = useRef({ position, at: performance.now(), pace: null });
  const { position: then, at, pace } = before.current;
  const passed = (performance.now() - at) / 1000;
  if (passed < 0.9) return pace;
  before.current = { position, at: performance.now(), pace: Math.max(0, position - then) / passed };
  return before.current.pace;
}

const wishesFor = ({ name, generations }, isBusy, reload) => [
  {
    title: "Verify", icon: "ok", path: `ops/projections/${name}/verify`,
    explains: `Folds a sample of ${name} from the log again, and compares. Nothing is changed.`,
    done: saidOf,
  },
  !isBusy && {
    title: "Rebuild", icon: "again", path: `ops/projections/${name}/rebuild`,
    explains: `Builds another generation of ${name} from the log, beside what is shown. Commands and queries go on.`,
    fields: [
      { name: "verify", title: "Compare it with what is shown, and show it only if nothing differs", type: "checkbox", value: true },
      { name: "switch", title: "Show it when it is ready", type: "checkbox", value: true },
    ],
    body: (values) => values,
    done: (answer) => `${answer.generation} is asked for`,
  },
  generations.some(({ state }) => state === "old" || state === "ready") && {
    title: generations.some(({ state }) => state === "ready") ? "Show the new one" : "Roll back",
    path: `ops/projections/${name}/rollback`,
    explains: "The other generation is brought up to the newest commits, and then shown.",
    body: () => ({}),
    done: (answer) => `${answer.generation} is asked to be shown`,
  },
].filter(Boolean).map((wish) => ({ ...wish, onDone: () => reload() }));

const saidOf = ({ documents, left_out, sums, differences, position }) =>
  `${differences ? `Different: ${count(differences)} of` : "Identical:"} ${counted(documents, "document")} and ${counted(sums, "sum")}, up to position ${count(position)}`
  + (left_out ? `; ${counted(left_out, "document")} of more than 1,000 commits left out` : "");

const Generation = ({ generation: one, name, reload }) => html`
  <div class="generation">
    <div class="line">
      <code>${one.generation}</code><${Status} of=${one.state} />
      ${one.events_per_second !== null && html`<span class="fine">${count(one.events)} events, ${rate(one.events_per_second)}</span>`}
      ${one.seconds_left !== null && html`<span class="fine">about ${seconds(one.seconds_left)} left</span>`}
      ${["old", "ready"].includes(one.state) && html`<${Wish} ...${drop(name, one.generation, reload)} />`}
    </div>
    ${UNDER_WAY.includes(one.state) && html`
      <progress aria-label=${`How far ${one.generation} is`} max=${Math.max(one.total_commits, 1)} value=${one.commits}></progress>
      <span class="fine">${count(one.commits)} of ${count(one.total_commits)} commits</span>`}
    ${one.difference && html`<${Difference} of=${one.difference} />`}
  </div>`;

const drop = (name, generation, reload) => ({
  title: `Drop ${generation}`, label: "Drop", kind: "small", method: "DELETE",
  path: `ops/projections/${name}/generations/${generation.split("@")[1]}`,
  explains: "It is not shown; the log can make it anew.",
  onDone: () => reload(),
});

/** From what is shown; `since` a moment, what is shown from what was shown until then. */
const Difference = ({ of: { is_none, same, changed, missing, extra, examples }, since }) => html`
  <p class="verdict"><${Status} of=${is_none ? "identical" : "different"} />
    ${is_none ? `${count(same)} documents and sums are as ${since ? "they were before" : "they are shown"}` : `${count(changed)} changed, ${count(missing)} missing, ${count(extra)} extra, ${count(same)} the same`}
    ${since && html`, shown <${Instant} at=${since} />`}</p>
  ${examples.length > 0 && html`
    <ul class="examples">${examples.map(({ collection, key, what, fields }) => html`
      <li>${what} <code class="breaks">${collection} ${key}</code> <span class="fine">${fields.join(", ")}</span></li>`)}</ul>`}`;

function Differences({ name }) {
  const found = useResource(`ops/projections/${name}/differences`, { everySeconds: 10 });
  return html`
    <${Loaded} of=${found}>
      ${({ data }) => html`
        <ul class="examples">${data.filter(({ repaired_at }) => !repaired_at).map((one) => html`
          <li>${one.what} <code class="breaks">${one.collection} ${one.key}</code> <span class="fine">${one.fields?.join(", ")}</span></li>`)}</ul>`}
    <//>`;
}
