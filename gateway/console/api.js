// Asking the gateway, as any client does; whatever goes wrong is a Problem with a title and a detail for people.
import { authorization, isRefused } from "./access.js";

const ROOT = "/cqrs/";

/** RFC 9457, or what a browser says when nobody answered. */
export class Problem extends Error {
  constructor({ status = 0, title, detail, code = "unreachable", errors = [], trace_id = "" }) {
    super(detail || title);
    Object.assign(this, { status, title, detail, code, errors, traceId: trace_id });
  }
}

const UNREACHABLE = {
  title: "The gateway does not answer",
  detail: "Is the stack running? `cqrs status` says; `cqrs up` starts it. The page asks again by itself.",
};

/** What stands at this path; the answer's body. */
export function get(path, { signal, headers = {} } = {}) {
  return ask(path, { signal, headers });
}

/** Send a command. The same key again is the same command, so a lost answer can be asked for once more. */
export function send(method, path, body, { key = crypto.randomUUID() } = {}) {
  const headers = { "Idempotency-Key": key, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  return ask(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

async function ask(path, { headers, ...options }) {
  let answer;
  try {
    answer = await fetch(ROOT + path, { ...options, headers: { Accept: "application/json", ...headers, ...authorization() } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE);
  }
  if (answer.ok) return answer.json();
  throw await problemOf(answer);
}

export async function problemOf(answer) {
  if (answer.status === 401) isRefused.value = true;
  const told = await answer.json().catch(() => ({}));
  return new Problem({ title: `${answer.status} ${answer.statusText}`, ...told, status: answer.status });
}
