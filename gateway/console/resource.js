// What a page shows of one path: the newest answer, or the problem, looked at again as often as is asked.
import { useEffect, useRef, useState } from "./view.js";
import { get } from "./api.js";
import { token } from "./access.js";

/**
 * `path` null asks nothing. A problem keeps what was there before: a page that is old is better than none, if it says so.
 * @returns {{data: any, problem: any, isLoading: boolean, reload: (headers?: object) => Promise<void>}}
 */
export function useResource(path, { everySeconds = 0 } = {}) {
  const [state, setState] = useState({ path: null, data: null, problem: null });
  const asking = useRef(null);

  async function reload(headers) {
    if (path === null) return;
    asking.current?.abort();
    const mine = (asking.current = new AbortController());
    try {
      const data = await get(path, { signal: mine.signal, headers });
      setState({ path, data, problem: null });
    } catch (problem) {
      if (problem.name === "AbortError") return;
      setState((before) => ({ path, data: before.path === path ? before.data : null, problem }));
    } finally {
      if (asking.current === mine) asking.current = null;
    }
  }

  useEffect(() => {
    reload();
    if (!everySeconds) return () => asking.current?.abort();
    const timer = setInterval(() => { if (!document.hidden && !asking.current) reload(); }, everySeconds * 1000);
    return () => { clearInterval(timer); asking.current?.abort(); };
  }, [path, everySeconds, token.value]);

  const isCurrent = state.path === path;
  return {
    data: isCurrent ? state.data : null,
    problem: isCurrent ? state.problem : null,
    isLoading: path !== null && !isCurrent,
    reload,
  };
}

/** A path with parameters; what is empty is left out. */
export function listPath(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `${path}?${new URLSearchParams(given)}`;
}
