// Server-sent events over fetch, because EventSource cannot send a token; it comes again where it was, as EventSource does.
import { problemOf } from "./api.js";
import { authorization } from "./access.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

/**
 * Follow `url` until `signal` is aborted.
 * @param {{after: () => (number|null), onEvent: (id: number, data: object) => void,
 *          onState: (state: "open"|"lost"|"refused", problem?: Error) => void, signal: AbortSignal}} told
 */
export async function follow(url, { after, onEvent, onState, signal }) {
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const answer = await open(url, after(), signal);
      if (!answer.ok) {
        const problem = await problemOf(answer);
        onState(answer.status < 500 && answer.status !== 429 ? "refused" : "lost", problem);
        if (answer.status < 500 && answer.status !== 429) return;
      } else {
        onState("open");
        await readAll(answer.body, (id, data) => { pause = FIRST_PAUSE_MS; onEvent(id, data); });
        onState("lost");
      }
    } catch (error) {
      if (signal.aborted) return;
      onState("lost", error);
    }
    await rest(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

function open(url, after, signal) {
  const from = after === null ? {} : { "Last-Event-ID": String(after) };
  return fetch(url, { headers: { Accept: "text/event-stream", ...from, ...authorization() }, signal });
}

async function readAll(body, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) tell(block, onEvent);
  }
}

function tell(block, onEvent) {
  const fields = block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const id = fields.find(([name]) => name === "id")?.[1];
  const data = fields.filter(([name]) => name === "data").map(([, value]) => value).join("\n");
  if (id !== undefined) onEvent(Number(id), data ? JSON.parse(data) : null);
}

function rest(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
