// The address is the state: which page, of what, narrowed down how. Reload, back and a sent link all lead to the same.
import { signal, computed, batch } from "./view.js";

const ROOT = "/console";
const location_ = signal(read());

/** Behind `/console`, without slashes at its ends: `orders/57410cad-…`; empty is the overview. */
export const path = computed(() => location_.value.path);
/** @type {{value: URLSearchParams}} */
export const query = computed(() => new URLSearchParams(location_.value.search));

function read() {
  const path = decodeURIComponent(location.pathname.slice(ROOT.length)).replace(/^\/|\/$/g, "");
  return { path, search: location.search };
}

export function go(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  batch(() => { location_.value = read(); });
}

/** An address of the console; what is empty is left out of it. */
export function href(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = new URLSearchParams(given).toString();
  return `${ROOT}/${path}${search ? `?${search}` : ""}`;
}

/** Change parameters of this page; null takes one out. */
export function narrow(changes, options) {
  go(href(path.value, { ...Object.fromEntries(query.value), ...changes }), options);
}

function isOurs(link, event) {
  const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  return isPlain && link && !link.target && link.origin === location.origin && link.pathname.startsWith(`${ROOT}/`)
    && !link.hash;
}

export function followLinks() {
  addEventListener("popstate", () => { location_.value = read(); });
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!isOurs(link, event) || event.defaultPrevented) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
}
