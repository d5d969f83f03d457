// Telling a page that something happened which it shows.
import { useEffect, useRef } from "./view.js";
import { commits } from "./live.js";

const TOGETHER_MS = 200;

/**
 * Call `reload` when commits come that concern the page: once for many, and never before the last one is done. It is
 * given the header by which a query waits until it shows the newest of them, and returns when it has.
 */
export function useNews(concerns, reload) {
  const seen = useRef(null);
  const isUnderWay = useRef(false);
  const isWanted = useRef(false);
  const newest = commits.value[0]?.position ?? 0;
  const latest = useRef(reload);
  latest.current = reload;

  async function bring() {
    isWanted.current = true;
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    while (isWanted.current) {
      await new Promise((resolve) => { setTimeout(resolve, TOGETHER_MS); });
      isWanted.current = false;
      const token = commits.value.find(concerns)?.token;
      await latest.current(token ? { "Consistency-Token": token } : {});
    }
    isUnderWay.current = false;
  }

  useEffect(() => {
    const before = seen.current;
    seen.current = newest;
    if (before === null) return;
    if (commits.value.some((commit) => commit.position > before && concerns(commit))) bring();
  }, [newest]);
}
