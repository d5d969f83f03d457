// The way of a command to its views, drawn: each stage with its rate, its depth, its lag; what moves shows that it moves.
import { html, useEffect, useRef, useState } from "../view.js";
import { count, milliseconds, rate, words } from "../format.js";
import { lookOf } from "./status.js";

const GAP = 20;
const BOX_HEIGHT = 112;
const FLAT_HEIGHT = 66;
const NARROW = 760; // below it stages stand one under another
const LABELS = {
  commands: "Commands", log: "Log", relay: "Relay", exchange: "Exchange", queues: "Queues", projector: "Projector",
  views: "Views", sagas: "Sagas",
};
const MARKS = {
  ok: "M-4 0l3 3 5-6",
  slow: "M0-5l5 9H-5z",
  down: "M-4-4l8 8M4-4l-8 8",
  unknown: "M-2-2a2.200 2.200 0 1 1 3 2c-1 .4-1 1-1 1.500M0 4.500h.01",
};

/** @param {{stages: {name: string, state: string, rate: number|null, depth: number|null, lag_ms: number|null, detail: string}[]}} told */
export function Pipeline({ stages }) {
  const place = useRef(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)));
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  const isFlat = width < NARROW;
  const boxes = isFlat ? stacked(stages, width) : lined(stages, width);
  const height = Math.max(0, ...boxes.map(({ y, h }) => y + h)) + 2;
  return html`
    <div class="pipeline" ref=${place}>
      ${width > 0 && html`
        <svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="group" aria-label="The way of a command to its views">
          ${boxes.map((box, at) => html`<${Pipe} box=${box} from=${sourceOf(boxes, at)} isFlat=${isFlat} key=${`pipe-${box.stage.name}`} />`)}
          ${boxes.map((box) => html`<${Stage} box=${box} isFlat=${isFlat} key=${box.stage.name} />`)}
        </svg>`}
    </div>`;
}

/** One line, and the sagas under the queues they listen to. */
function lined(stages, width) {
  const row = stages.filter(({ name }) => name !== "sagas");
  const w = (width - 2 - GAP * (row.length - 1)) / row.length;
  const boxes = row.map((stage, at) => ({ stage, x: 1 + at * (w + GAP), y: 1, w, h: BOX_HEIGHT }));
  const sagas = stages.find(({ name }) => name === "sagas");
  const queues = boxes.find(({ stage }) => stage.name === "queues");
  return sagas && queues ? [...boxes, { ...queues, stage: sagas, y: BOX_HEIGHT + GAP + 12 }] : boxes;
}

const stacked = (stages, width) =>
  stages.map((stage, at) => ({ stage, x: 1, y: 1 + at * (FLAT_HEIGHT + GAP / 2), w: width - 2, h: FLAT_HEIGHT }));

function sourceOf(boxes, at) {
  if (boxes[at].stage.name === "sagas") return boxes.find(({ stage }) => stage.name === "queues") ?? null;
  return boxes[at - 1] ?? null;
}

function Pipe({ box, from, isFlat }) {
  if (!from) return null;
  const isDown = isFlat || box.stage.name === "sagas";
  const d = isDown
    ? `M${box.x + box.w / 2} ${isFlat ? box.y - GAP / 2 : from.y + from.h}V${box.y}`
    : `M${from.x + from.w} ${from.y + from.h / 2}H${box.x}`;
  return html`<path class=${`pipe ${box.stage.rate > 0 ? "flows" : ""}`} d=${d} />
    ${box.stage.name === "sagas" && !isFlat && html`<${WayBack} from=${box} />`}`;
}

/** What sagas want are commands again. */
const WayBack = ({ from }) => html`
  <path class=${`pipe back ${from.stage.rate > 0 ? "flows" : ""}`} d=${`M${from.x} ${from.y + from.h / 2}H${from.w / 2}V${BOX_HEIGHT + 1}`} />
  <text class="pipe-label" x=${from.w / 2 + 10} y=${from.y + from.h / 2 - 8}>what sagas want are commands again</text>`;

function Stage({ box: { stage, x, y, w, h }, isFlat }) {
  const { tone } = lookOf(stage.state);
  const figures = figuresOf(stage);
  return html`
    <g class=${`stage ${tone}`} transform=${`translate(${x} ${y})`} role="img" aria-label=${spoken(stage)}>
      <title>${stage.detail}</title>
      <rect width=${w} height=${h} rx="8" />
      <path class="mark" transform="translate(16 20)" d=${MARKS[stage.state] ?? MARKS.unknown} />
      <text class="name" x="28" y="25">${LABELS[stage.name] ?? words(stage.name)}</text>
      <text class="state" x=${isFlat ? w - 14 : 28} y=${isFlat ? 25 : 42} text-anchor=${isFlat ? "end" : "start"}>${stage.state}</text>
      ${isFlat
        ? html`<text class="figure" x="28" y="49">${figures.map(([, value, unit]) => `${value} ${unit}`).join(" · ") || "–"}</text>`
        : figures.map(([name, value, unit], at) => html`
            <text class="figure" x="14" y=${66 + at * 18} key=${name}>${value}<tspan class="unit"> ${unit}</tspan></text>`)}
    </g>`;
}

const figuresOf = ({ rate: perSecond, depth, lag_ms }) => [
  ["rate", rate(perSecond), "", perSecond],
  ["depth", count(depth), "waiting", depth],
  ["lag", milliseconds(lag_ms), "behind", lag_ms],
].filter(([, , , known]) => known !== null && known !== undefined);

const spoken = (stage) =>
  `${LABELS[stage.name] ?? stage.name}: ${stage.state}. ${figuresOf(stage).map(([name, value, unit]) => `${name} ${value} ${unit}`).join(", ")}. ${stage.detail}`;
