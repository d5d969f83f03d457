// What came of what was asked, said once and in a corner.
import { html, signal } from "../view.js";
import { Icon } from "./icon.js";

const STAYS_MS = 7000;
const said = signal([]);
let number = 0;

/** @param {"ok"|"bad"} tone */
export function say(text, tone = "ok") {
  const toast = { id: ++number, text, tone };
  said.value = [...said.value.slice(-2), toast];
  setTimeout(() => { said.value = said.value.filter((one) => one !== toast); }, STAYS_MS);
}

export const Toasts = () => html`
  <div class="toasts" role="status" aria-live="polite">
    ${said.value.map(({ id, text, tone }) => html`<p class=${`toast ${tone}`} key=${id}><${Icon} name=${tone} />${text}</p>`)}
  </div>`;
