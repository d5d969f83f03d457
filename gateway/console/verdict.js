// Whether all is well, in one state and one sentence: by what wants a person, each stage on the way, how late the views are.
import { count, milliseconds, words } from "./format.js";

const STAGES = {
  commands: "Commands", log: "Log", relay: "Relay", exchange: "Exchange", queues: "Queues", projector: "Projector",
  views: "Views", sagas: "Sagas",
};
const WORST_FIRST = ["down", "slow", "unknown"];
const MOST_NAMED = 2;
const LATE_MS = 10_000; // as the monitor has it

export const stageName = ({ name }) => STAGES[name] ?? words(name);

/**
 * @param {{severity: string}[]} alerts
 * @param {{name: string, state: string}[]} stages
 * @param {{lag: number|null, lag_ms: number}|null} views null where nobody tells of them
 * @returns {{of: string, label: string}} a state that `Status` knows, and what it says
 */
export function verdictOf(alerts, stages, views) {
  const unwell = alerts.length ? stages.filter(({ state }) => state === "unknown") : stages.filter(({ state }) => state !== "ok");
  const found = [...ofAlerts(alerts), ...ofStages(unwell, stages), ...(alerts.length ? [] : ofViews(views))];
  return found.length
    ? { of: found[0].of, label: found.map(({ label }) => label).join("; ") }
    : { of: "ok", label: "All is well" };
}

function ofAlerts(alerts) {
  if (!alerts.length) return [];
  const critical = alerts.filter(({ severity }) => severity === "critical").length;
  if (!critical) return [{ of: "warning", label: things(alerts.length, "wants a look", "want a look") }];
  return [{ of: "critical", label: things(critical, "is critical", "are critical") }];
}

const things = (number, one, many) => (number === 1 ? `One thing ${one}` : `${count(number)} things ${many}`);

/** Of alerts beside them only those are told that no alert tells of: the unknown ones. */
const ofStages = (unwell, all) => WORST_FIRST.map((state) => [state, unwell.filter((stage) => stage.state === state)])
  .filter(([, alike]) => alike.length)
  .map(([state, alike]) => ({ of: state, label: `${named(alike.map(stageName), all.length)} ${state}` }));

function named(names, all) {
  if (names.length === all) return "Every stage is";
  if (names.length > MOST_NAMED) return `${count(names.length)} stages are`;
  return names.length > 1 ? `${names.join(" and ")} are` : `${names[0]} ${names[0].endsWith("s") ? "are" : "is"}`;
}

function ofViews(views) {
  if (views === null || views.lag === null) return [{ of: "unknown", label: "How far the views are is unknown" }];
  return views.lag > 0 && views.lag_ms > LATE_MS ? [{ of: "slow", label: `Views are ${milliseconds(views.lag_ms)} behind` }] : [];
}
