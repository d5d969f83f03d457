// The read models: how far each is, what stands beside it, and what is parked.
import { html } from "../view.js";
import { useResource } from "../resource.js";
import { count } from "../format.js";
import { Loaded } from "../parts/notices.js";
import { behind, Figures, PageHead } from "../parts/panel.js";
import { Projection } from "../parts/projection.js";
import { ParkedByError } from "../parts/parked_by_error.js";

export function Projections() {
  const projections = useResource("ops/projections", { everySeconds: 1 });
  const positions = useResource("ops/positions", { everySeconds: 2 });
  return html`
    <${PageHead} title="Projections" lead="Each read model is folded from the log. Another generation can be built beside what is shown, compared, and shown instead." />
    ${positions.data && html`<${Standing} of=${positions.data} />`}
    <${Loaded} of=${projections}>
      ${({ data }) => html`
        <div class="projections">
          ${data.map((one) => html`<${Projection} projection=${one} head=${positions.data?.head ?? null} reload=${projections.reload} key=${one.name} />`)}
        </div>`}
    <//>
    <${ParkedByError} />`;
}

const Standing = ({ of: { head, groups } }) => html`
  <${Figures} rows=${[
    ["Head of the log", head === null ? "unknown" : count(head)],
    ["Views behind", ...behind(groups.views)],
    ["Partitions", count(groups.views?.partitions.length)],
  ]} />`;
