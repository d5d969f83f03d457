// What every page is written with: templates, hooks, signals, each from its vendored module.
import { h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { render };
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useId } from "./vendor/preact-hooks.js";
export { signal, computed, effect, batch } from "./vendor/signals.js";
export const html = htm.bind(h);
