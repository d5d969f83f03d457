// The frames of a page: its head, its panels, its figures.
import { html } from "../view.js";
import { counted, milliseconds } from "../format.js";

/** `title` is focused after each step to another page, so that the keyboard goes on from there. */
export const PageHead = ({ title, lead, children }) => html`
  <header class="page-head">
    <div>
      <h1 tabindex="-1">${title}</h1>
      ${lead && html`<p class="lead">${lead}</p>`}
    </div>
    ${children && html`<div class="actions">${children}</div>`}
  </header>`;

export const Panel = ({ title, aside, kind = "", children }) => html`
  <section class=${`panel ${kind}`} aria-label=${title}>
    <header><h2>${title}</h2>${aside}</header>
    ${children}
  </section>`;

/** Names with figures; `rows` is `[name, value, note?]`. */
export const Figures = ({ rows }) => html`
  <dl class="figures">
    ${rows.map(([name, value, note]) => html`
      <div><dt>${name}</dt><dd>${value}${note && html`<small>${note}</small>`}</dd></div>`)}
  </dl>`;

/** Names with what they are, one a line; lines without anything are left out. */
export const Facts = ({ rows }) => html`
  <dl class="facts">
    ${rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => html`
      <div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;

/**
 * How far a group is behind the log, as value and note. It has an age only where commits wait: when the projector is
 * silent `lag_ms` is how long it has been so, whether there was anything to do or not.
 */
export function behind(group) {
  if (!group || group.lag === null) return ["unknown"];
  return [counted(group.lag, "commit"), group.lag > 0 && `for ${milliseconds(group.lag_ms)}`];
}
