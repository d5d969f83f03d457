// Small drawings that stand beside words, never instead of them.
import { html } from "../view.js";

const PATHS = {
  overview: "M3 12h4l3-8 4 16 3-8h4",
  orders: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  inventory: "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
  products: "M4 12V4h8l8 8-8 8zM8 8h.01",
  customers: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-4 4-6 8-6s7 2 8 6",
  statistics: "M4 20V10M10 20V4M16 20v-7M22 20H2",
  events: "M4 6h16M4 12h16M4 18h10",
  projections: "M4 5h16v10H4zM9 20h6M12 15v5",
  sagas: "M6 6a2 2 0 1 0 0-.01M18 18a2 2 0 1 0 0-.01M8 6h6a4 4 0 0 1 0 8h-4a4 4 0 0 0 0 4h6",
  queues: "M4 6h4v12H4zM10 6h4v12h-4zM16 12h5M18 9l3 3-3 3",
  lab: "M9 3h6M10 3v6l-5 9a2 2 0 0 0 2 3h10a2 2 0 0 0 2-3l-5-9V3M7.500 15h9",
  ok: "M5 13l4 4L19 7",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
  bad: "M6 6l12 12M18 6L6 18",
  unknown: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17h.01",
  wait: "M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  move: "M5 12h13M13 7l5 5-5 5",
  back: "M19 12H6M11 7l-5 5 5 5",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  again: "M20 5v5h-5M4 19v-5h5M19.500 10a8 8 0 0 0-14.500-2M4.500 14a8 8 0 0 0 14.500 2",
  menu: "M4 7h16M4 12h16M4 17h16",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600L19 19M19 5l-1.400 1.400M6.400 17.600L5 19",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  key: "M14 10a4 4 0 1 0-3.900 4L12 16h2v2h2v2h4v-4l-6.100-6z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  pause: "M8 5v14M16 5v14",
  play: "M7 4l13 8-13 8z",
  plus: "M12 5v14M5 12h14",
  out: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
