// The log as it grows: followed, held, narrowed down, copied.
import { html, useState } from "../view.js";
import { narrow } from "../router.js";
import { commits, counts, problem, state } from "../live.js";
import { count, words } from "../format.js";
import { CopyButton } from "../parts/copy.js";
import { Icon } from "../parts/icon.js";
import { Instant } from "../parts/instant.js";
import { Json, pretty } from "../parts/json.js";
import { Empty, Trouble } from "../parts/notices.js";
import { PageHead } from "../parts/panel.js";
import { Status } from "../parts/status.js";
import { Stream } from "../parts/subject.js";

/** So many rows are drawn, however many are kept. */
const MOST_DRAWN = 200;
const CONTEXTS = ["order", "payment", "inventory", "product", "media", "attributes"];
const LIVE_WORDS = { open: "live", connecting: "connecting", lost: "reconnecting", refused: "not live" };

export function Events({ query }) {
  const [held, hold] = useState(null);
  const fits = fitsOf(query);
  const all = held ?? commits.value;
  const found = all.filter(fits);
  const more = held ? commits.value.findIndex(({ position }) => position === held[0]?.position) : 0;
  return html`
    <${PageHead} title="Events" lead=${html`<${Tally} shown=${Math.min(found.length, MOST_DRAWN)} />`}>
      <button class="button" aria-pressed=${held !== null} onClick=${() => hold(held ? null : commits.value)}>
        <${Icon} name=${held ? "play" : "pause"} />${held ? `Go on${more > 0 ? ` (${count(more)} new)` : ""}` : "Pause"}
      </button>
    <//>
    <${Filters} query=${query} />
    ${state.value === "refused" && problem.value && html`<${Trouble} problem=${problem.value} />`}
    ${found.length ? html`<${List} rows=${found.slice(0, MOST_DRAWN)} />` : html`<${Nothing} isNarrowed=${all.length > 0} />`}
    ${found.length > MOST_DRAWN && html`
      <p class="fine">The newest ${MOST_DRAWN} of ${count(found.length)} that are kept here. What is older is in the log: <code>cqrs events search</code>.</p>`}`;
}

function Tally({ shown }) {
  const { seen, skipped, doubled } = counts.value;
  const isWhole = skipped === 0 && doubled === 0;
  return html`
    <span data-seen=${seen} data-skipped=${skipped} data-doubled=${doubled} id="tally">
      <${Status} of=${state.value} label=${LIVE_WORDS[state.value]} />
      ${count(shown)} shown, ${count(seen)} new since you opened the page; ${isWhole ? "none missing, none twice" : `${count(skipped)} missing, ${count(doubled)} twice`}
    </span>`;
}

function fitsOf(query) {
  const wanted = (name) => (query.get(name) ?? "").trim().toLowerCase();
  const [context, type, about] = [wanted("context"), wanted("type"), wanted("about")];
  return ({ stream, actor, correlation_id, events }) =>
    (!context || stream.startsWith(`${context}-`)) &&
    (!type || events.some(({ event }) => event.toLowerCase().includes(type))) &&
    (!about || `${stream} ${actor} ${correlation_id} ${JSON.stringify(events)}`.toLowerCase().includes(about));
}

function Filters({ query }) {
  const change = (name) => (event) => narrow({ [name]: event.target.value }, { replace: true });
  const value = (name) => query.get(name) ?? "";
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <div class="field"><label for="context">Context</label>
        <select id="context" onChange=${change("context")}>
          <option value="">all contexts</option>
          ${CONTEXTS.map((one) => html`<option value=${one} selected=${one === value("context")}>${one}</option>`)}
        </select></div>
      <div class="field"><label for="type">Event type</label>
        <input id="type" type="search" placeholder="OrderPaid" value=${value("type")} onInput=${change("type")} /></div>
      <div class="field wide"><label for="about">Any text in it</label>
        <input id="about" type="search" placeholder="Order id, customer, actor…" value=${value("about")} onInput=${change("about")} /></div>
    </form>`;
}

const Nothing = ({ isNarrowed }) => isNarrowed
  ? html`<${Empty} title="None of the kept events is like that" />`
  : html`<${Empty} title="Nothing has happened yet" command="cqrs events tail">The first order fills this; a terminal shows the same:<//>`;

const List = ({ rows }) => html`
  <ol class="tail panel bare" aria-label="Events, newest first" style=${{ "--digits": count(rows[0].position).length }}>
    ${rows.map((commit) => html`<${Row} commit=${commit} key=${commit.position} />`)}
  </ol>`;

function Row({ commit }) {
  const [isOpen, setOpen] = useState(false);
  return html`
    <li data-position=${commit.position}>
      <details onToggle=${(event) => setOpen(event.target.open)}>
        <summary>
          <span class="position">${count(commit.position)}</span>
          <strong>${commit.events.map(({ event }) => words(event)).join(", ")}</strong>
          <span class="fine"><${Instant} at=${commit.recorded_at} /></span>
        </summary>
        ${isOpen && html`<${Inside} commit=${commit} />`}
      </details>
      <${Stream} of=${commit} />
    </li>`;
}

const Inside = ({ commit }) => html`
  <div class="inside">
    <div class="actions">
      <${CopyButton} text=${() => pretty(commit)} label="Copy as JSON" />
      <${CopyButton} text=${() => curlOf(commit)} label="Copy as curl" />
    </div>
    <${Json} value=${commit} label=${`Commit ${commit.position}, version ${commit.version} of ${commit.stream}`} />
  </div>`;

const curlOf = ({ position }) => `curl -s ${location.origin}/cqrs/ops/events/${position}`;
