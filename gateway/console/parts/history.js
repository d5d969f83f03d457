// A stream's state at any of its versions, by a slider; what the version changed is marked.
import { html, useEffect, useRef, useState } from "../view.js";
import { narrow } from "../router.js";
import { useResource } from "../resource.js";
import { count, words } from "../format.js";
import { Instant } from "./instant.js";
import { Json } from "./json.js";
import { Loaded } from "./notices.js";
import { Status } from "./status.js";
import { Value } from "./value.js";

const RESTING_MS = 200; // a slider that moves is followed at once; the address, when it rests

/** `names` is what products are called, by id, where that is at hand. */
export function History({ stream, version: newest, query, names = new Map() }) {
  const asked = Number(query.get("version")) || newest;
  const [version, setVersion] = useState(Math.min(Math.max(asked, 1), newest));
  const [isAtEnd, setAtEnd] = useState(version === newest);
  useEffect(() => { if (isAtEnd) setVersion(newest); }, [newest]);
  useEffect(() => {
    const timer = setTimeout(() => keep(version, newest, query), RESTING_MS);
    return () => clearTimeout(timer);
  }, [version, newest]);
  const now = useResource(`ops/aggregates/${stream}/state?version=${version}`);
  const before = useResource(version > 1 ? `ops/aggregates/${stream}/state?version=${version - 1}` : null);
  const shown = useRef(null); // stays until the next one is there: a slider that moves does not flicker
  shown.current = now.data ?? shown.current;
  const earlier = before.data?.version === shown.current?.version - 1 ? before.data.state : null;
  const move = (to) => { setVersion(to); setAtEnd(to === newest); };
  return html`
    <div class="slider">
      <label for="version">Version <output for="version">${version}</output> of ${count(newest)}</label>
      <input id="version" type="range" min="1" max=${newest} step="1" value=${version} onInput=${(event) => move(Number(event.target.value))}
        aria-valuetext=${`version ${version} of ${newest}`} />
    </div>
    <${Loaded} of=${{ ...now, data: shown.current, isLoading: now.isLoading && !shown.current }}>
      ${(told) => html`<${State} told=${told} before=${told.version > 1 ? earlier : {}} names=${names} />`}
    <//>`;
}

function keep(version, newest, query) {
  const wanted = version === newest ? null : String(version);
  if (query.get("version") !== wanted) narrow({ version: wanted }, { replace: true });
}

function State({ told, before, names }) {
  return html`
    <p class="fine">Position ${count(told.position)}, recorded <${Instant} at=${told.recorded_at} />. What this version changed is marked.</p>
    <dl class="state" data-version=${told.version}>
      ${Object.entries(told.state).map(([name, value]) => {
        const isChanged = before && JSON.stringify(before[name]) !== JSON.stringify(value);
        return html`<div class=${isChanged ? "changed" : ""} key=${name}>
          <dt>${words(name)}${isChanged && html` <small>changed</small>`}</dt><dd><${Field} name=${name} value=${value} names=${names} /></dd></div>`;
      })}
    </dl>
    <details><summary>As the API tells it</summary><${Json} value=${told} label=${`State at version ${told.version}`} /></details>`;
}

/** Status and lines as on every page; the others as they are. */
function Field({ name, value, names }) {
  if (name === "status" && value) return html`<${Status} of=${value} />`;
  if (name === "lines" && value?.length) return html`
    <ul class="values">${value.map(({ product_id, quantity }) => html`<li>${quantity} × ${names.get(product_id) ?? `product ${product_id}`}</li>`)}</ul>`;
  return html`<${Value} of=${value} />`;
}
