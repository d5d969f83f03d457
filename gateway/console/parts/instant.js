// An instant, told by how long ago it was; exactly in its title.
import { html, signal } from "../view.js";
import { ago, exact } from "../format.js";

const now = signal(Date.now());
setInterval(() => { if (!document.hidden) now.value = Date.now(); }, 5000);

export const Instant = ({ at }) => at
  ? html`<time datetime=${at} title=${exact(at)}>${ago(at, Math.max(now.value, Date.now()))}</time>`
  : html`<span class="none">never</span>`;
