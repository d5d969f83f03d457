// A state as an icon, a word and a colour: whoever does not see one of them has the others.
import { html } from "../view.js";
import { words } from "../format.js";
import { Icon } from "./icon.js";

/** Word → tone and icon; the words of orders, products, payments, pipeline stages, generations, sagas and processes. */
const LOOKS = {
  good: ["ok", "PAID COMPLETED DELIVERED ACTIVE CAPTURED ok accepted shown identical running_queue open over ready".split(" ")],
  moving: ["move", "SHIPPED VALIDATED running building following starting asked comparing live flow".split(" ")],
  waiting: ["wait", "PENDING REQUESTED waiting connecting old draft unverified".split(" ")],
  warn: ["warn", "slow stuck warning lost parked low paused different stopped".split(" ")],
  bad: ["bad", "REJECTED FAILED down critical refused dead killed".split(" ")],
  quiet: ["undo", "CANCELLED REFUNDED DELETED ROLLED_BACK dropped deleted".split(" ")],
};
const LOOK_OF = new Map(Object.entries(LOOKS).flatMap(([tone, [icon, names]]) => names.map((name) => [name, { tone, icon }])));
const UNKNOWN = { tone: "quiet", icon: "unknown" };

export const lookOf = (state) => LOOK_OF.get(state) ?? UNKNOWN;

/** `label` where another word says it better than the state's own. */
export function Status({ of, label = words(of) }) {
  const { tone, icon } = lookOf(of);
  return html`<span class=${`status ${tone}`}><${Icon} name=${icon} />${label}</span>`;
}
