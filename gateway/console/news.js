// Telling a page that something happened which it shows.
import { useEffect, useRef } from "./view.js";
import { commits } from "./live.js";

const TOGETHER_MS = 250;

/**
 * Call `reload` when commits come that concern the page, once for many; it is given the header by which a query waits
 * until it shows the newest of them.
 */
export function useNews(concerns, reload) {
  const seen = useRef(null);
  const timer = useRef(null);
  const newest = commits.value[0]?.position ?? 0;
  const latest = useRef(reload);
  latest.current = reload;

  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    const before = seen.current;
    seen.current = newest;
    if (before === null) return;
    const fitting = commits.value.find((commit) => commit.position > before && concerns(commit));
    if (!fitting || timer.current) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      const token = commits.value.find(concerns)?.token;
      latest.current(token ? { "Consistency-Token": token } : {});
    }, TOGETHER_MS);
  }, [newest]);
}
