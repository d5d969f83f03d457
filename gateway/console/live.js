// What happens, as it happens: one stream for the whole console, the newest commits kept, each position once.
import { effect, signal } from "./view.js";
import { get } from "./api.js";
import { token } from "./access.js";
import { follow } from "./server_events.js";

/** So many commits stay in memory, whatever happens. */
export const MOST_KEPT = 2000;
const FIRST_LOOK = 100;
const DRAW_MS = 100;

/** Newest first. @type {{value: object[]}} */
export const commits = signal([]);
/** `connecting`, `open`, `lost` (it tries again) or `refused`. */
export const state = signal("connecting");
export const problem = signal(null);
/** Since the page was opened; `skipped` counts positions that never came, which is only known of who may see all. */
export const counts = signal({ seen: 0, skipped: 0, doubled: 0 });

let last = null;
let seesAll = false;
let waiting = [];
let tally = { seen: 0, skipped: 0, doubled: 0 };
let drawing = null;

/** Follow with the token there is, and anew whenever there is another. */
export function startLive() {
  effect(() => {
    token.value;
    const stop = new AbortController();
    begin(stop.signal);
    return () => stop.abort();
  });
}

async function begin(signal) {
  reset();
  await lookBack(signal);
  if (signal.aborted) return;
  await follow("/cqrs/queries/stream", {
    signal,
    after: () => last,
    onEvent: take,
    onState: (now, why = null) => { state.value = now; problem.value = why; },
  });
  if (problem.value?.code === "unknown_position") await begin(signal); // the log was replaced by another
}

function reset() {
  last = null;
  waiting = [];
  tally = { seen: 0, skipped: 0, doubled: 0 };
  commits.value = [];
  counts.value = tally;
  state.value = "connecting";
}

/** The newest commits, for who may see them: so that a page that was just opened is not empty. */
async function lookBack(signal) {
  seesAll = false;
  try {
    const { data } = await get(`ops/events?limit=${FIRST_LOOK}`, { signal });
    commits.value = data;
    last = data[0]?.position ?? 0;
    seesAll = true;
  } catch {
    last = null; // from now on, then
  }
}

function take(position, commit) {
  if (last !== null && position < last + (commit ? 1 : 0)) {
    tally.doubled += commit ? 1 : 0;
    return;
  }
  if (commit) {
    if (seesAll && last !== null) tally.skipped += position - last - 1;
    tally.seen += 1;
    waiting.push(commit);
    drawing ??= setTimeout(draw, DRAW_MS);
  }
  last = position;
}

function draw() {
  drawing = null;
  const newest = waiting.slice(-MOST_KEPT).reverse();
  waiting = [];
  commits.value = [...newest, ...commits.value.slice(0, MOST_KEPT - newest.length)];
  counts.value = { ...tally };
}
