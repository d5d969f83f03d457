// For development only: give the system something to do, break it, and watch it heal.
import { html, useState } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { send } from "../api.js";
import { Icon } from "../parts/icon.js";
import { Empty, Loaded } from "../parts/notices.js";
import { PageHead, Panel } from "../parts/panel.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { say } from "../parts/toasts.js";

const MOST_PER_SECOND = 500;

export function Lab() {
  const lab = useResource("ops/lab", { everySeconds: 1 });
  const tell = teller(lab.reload);
  return html`
    <${PageHead} title="Lab" lead="Break something, and watch it heal on the overview. Nothing here exists in production.">
      <a class="button" href=${href("")}>Watch on the overview</a><//>
    <${Loaded} of=${lab} unavailable=${NO_LAB}>
      ${(told) => html`
        <div class="columns halves">
          <${Load} perSecond=${told.load_per_second} tell=${tell} />
          <${Faults} isSlow=${told.is_slow} tell=${tell} />
        </div>
        <${Panel} title="Processes"><${Table} caption="Processes" columns=${processes(tell)} rows=${told.processes} keyOf=${({ name }) => name} /><//>`}
    <//>`;
}

const NO_LAB = html`<${Empty} title="There is no lab here" command="cqrs up">Only a stack for development has one:<//>`;

/** Send, and say what came of it. */
const teller = (reload) => async (method, path, body, done) => {
  try {
    const answer = await send(method, `ops/lab${path}`, body);
    say(typeof done === "function" ? done(answer) : done);
    reload();
  } catch (problem) {
    say(`${problem.title}: ${problem.detail}`, "bad");
  }
};

function Load({ perSecond, tell }) {
  const [wanted, want] = useState(perSecond);
  const set = (number) => tell("PUT", "/load", { per_second: number }, number ? `${number} orders a second from now on` : "No more orders");
  return html`
    <${Panel} title="Load">
      <div class="slider">
        <label for="load">Orders a second <output for="load">${wanted}</output></label>
        <input id="load" type="range" min="0" max=${MOST_PER_SECOND} step="5" value=${wanted}
          onInput=${(event) => want(Number(event.target.value))} onChange=${(event) => set(Number(event.target.value))} />
      </div>
      <p class="fine">Now ${perSecond} a second.</p>
    <//>`;
}

const Faults = ({ isSlow, tell }) => html`
  <${Panel} title="Faults">
    <div class="actions start">
      <button class="button" aria-pressed=${isSlow} onClick=${() => tell("PUT", "/slow", { is_slow: !isSlow }, isSlow ? "The projector has its speed again" : "The projector is slow now")}>
        ${isSlow ? "Let the projector run freely" : "Slow the projector down"}</button>
      <button class="button" onClick=${() => tell("POST", "/poison", {}, ({ position }) => `A poisoned event stands at position ${position}`)}>Plant a poisoned event</button>
      <button class="button" onClick=${() => tell("POST", "/mend", {}, "What was planted is mended; a retry succeeds now")}>Mend what was planted</button>
    </div>
    <p class="fine">A poisoned event parks one document: <a href=${href("projections")}>Projections</a> shows it, and lets it go on.</p>
  <//>`;

const processes = (tell) => [
  { title: "Process", isMain: true, cell: ({ name }) => name },
  { title: "State", cell: ({ state }) => html`<${Status} of=${state === "ready" ? "ok" : state} label=${state} />` },
  { title: "Process id", isNumber: true, cell: ({ pid }) => pid ?? "–" },
  { title: "What can be done", cell: ({ name, pid }) => html`<span class="actions start"><${pid === null ? Start : Kill} name=${name} tell=${tell} /></span>` },
];

const Kill = ({ name, tell }) => html`
  <button class="button" aria-label=${`Kill ${name}`} onClick=${() => tell("POST", `/processes/${name}/kill`, {}, `${name} is killed`)}>
    <${Icon} name="bad" />Kill</button>`;

const Start = ({ name, tell }) => html`
  <button class="button" aria-label=${`Start ${name}`} onClick=${() => tell("POST", `/processes/${name}/start`, {}, `${name} is started`)}>
    <${Icon} name="play" />Start</button>`;
