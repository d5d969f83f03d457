// Whether all is well, at one look: alerts, the way of a command to its views, how it went in the last minutes.
import { html, useMemo } from "../view.js";
import { href, narrow } from "../router.js";
import { listPath, useResource } from "../resource.js";
import { commits } from "../live.js";
import { count, counted, milliseconds, rate, words } from "../format.js";
import { verdictOf } from "../verdict.js";
import { Chart } from "../parts/chart.js";
import { Icon } from "../parts/icon.js";
import { Instant } from "../parts/instant.js";
import { Empty, Loaded } from "../parts/notices.js";
import { behind, Figures, PageHead, Panel } from "../parts/panel.js";
import { Pipeline } from "../parts/pipeline.js";
import { Sentence } from "../parts/sentence.js";
import { Status } from "../parts/status.js";
import { Stream } from "../parts/subject.js";

const SPANS = [["15", "15 minutes"], ["60", "1 hour"], ["1440", "24 hours"]];
const MOST_POINTS = 300;
const NEWEST = 8;
const CHARTS = [
  ["Commands", rate, [["accepted", "accepted"], ["refused", "refused", [4, 3]], ["conflicted", "conflicted", [1, 3]]]],
  ["Events", rate, [["stored", "stored"], ["published", "published", [6, 3]], ["projected", "projected", [2, 3]]]],
  ["Write to read", milliseconds, [["p50", "write_to_read_p50_ms"], ["p95", "write_to_read_p95_ms", [6, 3]], ["p99", "write_to_read_p99_ms", [2, 3]]]],
  ["Waiting", count, [["messages in queues", "queue_messages"], ["relay behind", "relay_lag", [6, 3]], ["views behind", "projection_lag", [2, 3]]], { isWhole: true }],
];

export function Overview({ query }) {
  const minutes = SPANS.some(([span]) => span === query.get("minutes")) ? query.get("minutes") : "15";
  const pipeline = useResource("ops/pipeline", { everySeconds: 2 });
  const alerts = useResource("ops/alerts", { everySeconds: 5 });
  const positions = useResource("ops/positions", { everySeconds: 2 });
  return html`
    <${PageHead} title="Overview" lead=${html`<${Verdict} alerts=${alerts} pipeline=${pipeline} positions=${positions} />`} />
    <${Alerts} of=${alerts.data?.data ?? []} />
    <${Loaded} of=${positions}>${(told) => html`<${Now} positions=${told} />`}<//>
    <${Panel} title="From command to view">
      <${Loaded} of=${pipeline} unavailable=${NO_MONITOR}>${({ stages }) => html`<${Pipeline} stages=${stages} />`}<//>
    <//>
    <${Panel} title="How it went" aside=${html`<${Spans} chosen=${minutes} />`}>
      <${Samples} minutes=${minutes} key=${minutes} />
    <//>
    <${Newest} />`;
}

const NO_MONITOR = html`<${Empty} title="The monitor does not run" command="python -m monitor">It looks at each part of the system every five seconds, and keeps what it saw for a day. Start it:<//>`;

function Verdict({ alerts, pipeline, positions }) {
  if (positions.problem) return html`<${Status} of="down" label="The log's position is unknown" />`;
  if (alerts.problem || pipeline.problem) return html`<${Status} of="unverified" label="Not watched: the monitor is away" />`;
  if (!alerts.data || !pipeline.data || !positions.data) return "Looking…";
  return html`<${Status} ...${verdictOf(alerts.data.data, pipeline.data.stages, positions.data.groups.views ?? null)} />`;
}

const Alerts = ({ of }) => of.map((alert) => html`
  <div class=${`notice ${alert.severity === "critical" ? "bad" : "warn"}`} role="alert" key=${alert.name}>
    <${Icon} name=${alert.severity === "critical" ? "bad" : "warn"} />
    <div><strong>${words(alert.severity)}: ${alert.summary}</strong><p><${Sentence} text=${alert.advice} />${" "}<span class="fine">Since <${Instant} at=${alert.since} /></span></p></div>
  </div>`);

const Now = ({ positions: { head, relay, groups } }) => html`
  <${Figures} rows=${[
    ["Commits in the log", head === null ? "unknown" : count(head)],
    ["Relay", relay ? (relay.connected ? "Connected" : "Waits") : "unknown", relay && `${counted(relay.lag, "commit")} behind`],
    ["Views behind", ...behind(groups.views)],
    ["Sagas behind", ...behind(groups.sagas)],
  ]} />`;

const Spans = ({ chosen }) => html`
  <div class="choice" role="group" aria-label="Time">
    ${SPANS.map(([span, title]) => html`<button aria-pressed=${span === chosen} onClick=${() => narrow({ minutes: span === "15" ? null : span }, { replace: true })}>${title}</button>`)}
  </div>`;

function Samples({ minutes }) {
  const step = Math.max(5, (minutes * 60) / MOST_POINTS);
  const path = useMemo(() => samplesSince(minutes, step), [minutes]);
  const samples = useResource(path, { everySeconds: 5 });
  return html`
    <${Loaded} of=${samples} unavailable=${NO_MONITOR}>
      ${({ data }) => data.length > 1
        ? html`<div class="charts">${CHARTS.map(([title, format, lines, look]) => html`<${Plot} title=${title} format=${format} lines=${lines} look=${look} data=${data} key=${title} />`)}</div>`
        : html`<${Empty} title="No samples yet">The monitor has only begun to look; the first lines are drawn in ten seconds.<//>`}
    <//>`;
}

/** Without an end, so that the same path brings what is new. */
const samplesSince = (minutes, step) => (minutes === "15"
  ? "ops/samples"
  : listPath("ops/samples", { from: new Date(Date.now() - minutes * 60_000).toISOString(), step: Math.ceil(step) }));

function Plot({ title, format, lines, look, data }) {
  const plotted = useMemo(() => ({
    seconds: data.map(({ at }) => Date.parse(at) / 1000),
    lines: lines.map(([name, field, dash], at) => ({ name, dash, color: `--series-${at + 1}`, values: data.map((sample) => sample[field]) })),
  }), [data]);
  return html`<${Chart} title=${title} format=${format} ...${plotted} ...${look} />`;
}

const Newest = () => html`
  <${Panel} title="Last events" aside=${html`<a href=${href("events")}>Follow all of them</a>`}>
    ${commits.value.length
      ? html`<ol class="newest">${commits.value.slice(0, NEWEST).map((commit) => html`<${Line} commit=${commit} key=${commit.position} />`)}</ol>`
      : html`<${Empty} title="Nothing has happened yet" command="python demo_cqrs.py">The demo places orders, pays and ships them:<//>`}
  <//>`;

const Line = ({ commit, commit: { position, recorded_at, events } }) => html`
  <li>
    <span class="position">${count(position)}</span>
    <strong>${events.map(({ event }) => words(event)).join(", ")}</strong>
    <${Stream} of=${commit} />
    <span class="fine"><${Instant} at=${recorded_at} /></span>
  </li>`;
