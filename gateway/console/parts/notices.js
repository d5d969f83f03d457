// What stands where data would: loading, trouble, nothing there yet.
import { html } from "../view.js";
import { Icon } from "./icon.js";
import { CopyButton } from "./copy.js";
import { Sentence } from "./sentence.js";

/** RFC 9457 for people; `again` is what the button does. */
export const Trouble = ({ problem, again }) => html`
  <div class="notice bad trouble" role="alert">
    <${Icon} name="bad" />
    <div>
      <strong>${problem.title ?? "Something went wrong here"}</strong>
      <p><${Sentence} text=${problem.detail ?? problem.message} /></p>
      ${problem.errors?.map((error) => html`<p><code>${error.pointer}</code> ${error.detail}</p>`)}
      ${problem.traceId && html`<p class="fine">trace <code>${problem.traceId}</code></p>`}
    </div>
    ${again && html`<button class="button" onClick=${() => again()}>Ask again</button>`}
  </div>`;

/** Nothing is there yet; `command` is what fills it. */
export const Empty = ({ title, children, command }) => html`
  <div class="empty">
    <strong>${title}</strong>
    ${children && html`<p>${children}</p>`}
    ${command && html`<div class="command"><code>${command}</code><${CopyButton} text=${command} label="Copy" /></div>`}
  </div>`;

export const Loading = () => html`<p class="loading" role="status">Loading…</p>`;

/**
 * The one order in which a page looks at what it asked for. With `unavailable`, that a part of the system is not there
 * (404, 503) is told in these words instead of as trouble.
 */
export function Loaded({ of, unavailable, children }) {
  const { data, problem, isLoading, reload } = of;
  if (isLoading) return html`<${Loading} />`;
  if (problem && !data && unavailable && [404, 503].includes(problem.status)) return unavailable;
  return html`
    ${problem && html`<${Trouble} problem=${problem} again=${reload} />`}
    ${data && children(data)}`;
}
