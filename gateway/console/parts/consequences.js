// What followed from an order's commands, as a tree: events, the commands that sagas sent because of them, and so on.
import { html } from "../view.js";
import { useResource } from "../resource.js";
import { useNews } from "../news.js";
import { count, words } from "../format.js";
import { Icon } from "./icon.js";
import { Instant } from "./instant.js";
import { Loaded } from "./notices.js";
import { Status } from "./status.js";

export function Consequences({ id }) {
  const tree = useResource(`ops/correlations/${id}`);
  useNews((commit) => commit.correlation_id === id, () => tree.reload());
  return html`<${Loaded} of=${tree}>${({ commands }) => html`<ul class="tree">${commands.map(branch)}</ul>`}<//>`;
}

const branch = (command) => html`
  <li key=${command.command_id}>
    <div class="node">
      <strong>${titleOf(command)}</strong>
      ${command.outcome && html`<${Status} of=${command.outcome} />`}
      <span class="fine">${command.actor === "saga" ? "by the saga" : `by ${command.actor ?? "nobody"}`}${command.position && `, ${command.stream} at position ${count(command.position)}`}${command.recorded_at && html`, <${Instant} at=${command.recorded_at} />`}</span>
    </div>
    ${command.command && command.events?.length > 0 && html`
      <p class="events"><${Icon} name="events" />${command.events.map(({ event }) => words(event)).join(", ")}</p>`}
    ${command.caused?.length > 0 && html`<ul>${command.caused.map(branch)}</ul>`}
  </li>`;

/** A client's command is known by what came of it, a saga's by its name. */
const titleOf = (command) => (command.command ? words(command.command) : (command.events ?? []).map(({ event }) => words(event)).join(", "));
