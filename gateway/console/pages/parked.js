// One parked document: what stopped it, what waits behind it, and the two ways on.
import { html } from "../view.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";
import { count, words } from "../format.js";
import { Instant } from "../parts/instant.js";
import { Json } from "../parts/json.js";
import { Empty, Loaded } from "../parts/notices.js";
import { Facts, PageHead, Panel } from "../parts/panel.js";
import { Wish } from "../parts/wish.js";

export function Parked({ words: [projection, key] }) {
  const parked = useResource(`ops/parked/${projection}/${encodeURIComponent(key)}`, { everySeconds: 2 });
  const document = { projection, key: /^[0-9]+$/.test(key) ? Number(key) : key };
  const onDone = () => parked.reload();
  const isThere = parked.data && !parked.problem;
  return html`
    <${PageHead} title=${`Parked in ${projection}`} lead=${html`<code class="breaks">${key}</code>`}>
      <a class="button" href=${href("projections")}>All read models</a>
      ${isThere && html`<${Wish} ...${retry(document)} onDone=${onDone} /><${Wish} ...${skip(document, parked.data.commit)} onDone=${onDone} />`}
    <//>
    ${parked.problem?.code === "not_parked"
      ? html`<${Empty} title="It goes on again">Nothing stops this document any more.<//>`
      : html`<${Loaded} of=${parked}>${(told) => html`<${Why} of=${told} />`}<//>`}`;
}

const Why = ({ of: { code, detail, document, commit, waiting, waiting_commits } }) => html`
  <${Panel} title="What stopped it">
    <${Facts} rows=${[
      ["Error", `${words(code ?? document?.code ?? "")} ${detail ?? document?.detail ?? ""}`],
      ["Commit", html`position ${count(commit.position)}, version ${count(commit.version)} of <code class="breaks">${commit.stream}</code>`],
      ["Recorded", html`<${Instant} at=${commit.recorded_at} /> by ${commit.actor}`],
      ["Waiting behind it", waiting_commits ? `${count(waiting_commits)} commits: ${waiting.map(({ events }) => events.join(", ")).join(", ")}` : "nothing"],
    ]} />
    ${commit.events.map((event) => html`<${Json} value=${event} label=${`${event.event}, schema ${event.schema}`} key=${event.event} />`)}
  <//>`;

const retry = (document) => ({
  title: "Fold it again", label: "Retry", icon: "again", kind: "main", path: "ops/parked/retry", body: () => document,
  explains: "Repair the cause first. The document is then folded again from its streams.",
  done: () => "It is folded again",
});

const skip = (document, { position }) => ({
  title: "Skip the commit for good", label: "Skip", icon: "bad", kind: "danger", path: "ops/parked/skip",
  explains: `This document passes over position ${position} from now on, in every rebuild too. It cannot be taken back.`,
  fields: [{ name: "reason", title: "Reason", isNeeded: true, hint: "Kept with who said so.", attributes: { minlength: 3, maxlength: 500 } }],
  body: ({ reason }) => ({ ...document, reason }),
  done: (answer) => `Position ${answer.position} is skipped`,
});
