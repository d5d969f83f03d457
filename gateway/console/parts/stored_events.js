// The commits of a stream, each event as it is stored and as it is read today.
import { html, useState } from "../view.js";
import { useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count } from "../format.js";
import { Instant } from "./instant.js";
import { Json } from "./json.js";
import { Loaded, Trouble } from "./notices.js";

const MOST = 50;

export function StoredEvents({ stream }) {
  const commits = useResource(`ops/events?${new URLSearchParams({ stream, sort: "position", limit: MOST })}`);
  useNews((commit) => commit.stream === stream, () => commits.reload());
  return html`
    <${Loaded} of=${commits}>
      ${({ data, has_more }) => html`
        <ol class="commits">${data.map((commit) => html`<li key=${commit.position}><${CommitLine} commit=${commit} /></li>`)}</ol>
        ${has_more && html`<p class="fine">The first ${MOST} commits; the rest: <code>cqrs events show ${stream}</code></p>`}`}
    <//>`;
}

function CommitLine({ commit }) {
  const [isOpen, setOpen] = useState(false);
  return html`
    <details class="commit" onToggle=${(event) => setOpen(event.target.open)}>
      <summary>
        <span class="position">${count(commit.position)}</span>
        <strong>${commit.events.map(({ event }) => event).join(", ")}</strong>
        <span class="fine">version ${commit.version}, by ${commit.actor ?? "nobody"}, <${Instant} at=${commit.recorded_at} /></span>
      </summary>
      ${isOpen && html`<${AsStored} position=${commit.position} />`}
    </details>`;
}

function AsStored({ position }) {
  const stored = useResource(`ops/events/${position}`);
  return html`
    <${Loaded} of=${stored}>
      ${({ events, command_id, correlation_id, causation_id }) => html`
        ${events.map((event) => html`<${BothForms} event=${event} key=${event.event} />`)}
        <p class="fine">command <code>${command_id}</code>, correlation <code>${correlation_id}</code>${causation_id && html`, caused by <code>${causation_id}</code>`}</p>`}
    <//>`;
}

const BothForms = ({ event }) => html`
  ${event.trouble && html`<${Trouble} problem=${{ title: "This event cannot be read today", detail: event.trouble }} />`}
  <div class="columns halves">
    <${Json} value=${event.data} label=${`${event.event} as stored, schema ${event.schema}`} />
    ${event.upcasted && html`<${Json} value=${event.upcasted} label=${`as read today, schema ${event.upcasted_schema}`} />`}
  </div>`;
