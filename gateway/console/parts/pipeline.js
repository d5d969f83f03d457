// The way of a command to its views, drawn: each stage with its rate, its depth, its lag; what moves shows that it moves.
import { html, useEffect, useRef, useState } from "../view.js";
import { count, decimal, milliseconds, rate } from "../format.js";
import { stageName } from "../verdict.js";
import { lookOf } from "./status.js";

const GAP = 20;
const BOX_HEIGHT = 112;
const FLAT_HEIGHT = 66;
const FLAT_GAP = 16;
const NARROW = 760; // below it stages stand one under another
const ARROW = 6;
/** Whose rate says what comes into a stage, where it is not its own: views tell how often they are asked. */
const FED_BY = { queues: "exchange", views: "projector" };
/** Rate, depth and lag by the names they have there. */
const UNITS = {
  log: { lag: "an insert" },
  sagas: { depth: "open" },
  views: { rate: "queries/s", lag: "to read" },
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
          ${boxes.map((box, at) => html`<${Pipe} box=${box} from=${sourceOf(boxes, at, isFlat)} flows=${movesInto(box.stage.name, stages)} commandsFlow=${movesInto("commands", stages)} isFlat=${isFlat} key=${`pipe-${box.stage.name}`} />`)}
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
  stages.map((stage, at) => ({ stage, x: 1, y: 1 + at * (FLAT_HEIGHT + FLAT_GAP), w: width - 2, h: FLAT_HEIGHT }));

/** Sagas listen to the queues; one under another no line leads there. */
function sourceOf(boxes, at, isFlat) {
  if (boxes[at].stage.name === "sagas") return isFlat ? null : boxes.find(({ stage }) => stage.name === "queues") ?? null;
  return boxes[at - 1] ?? null;
}

function movesInto(name, stages) {
  const source = FED_BY[name] ?? name;
  return stages.find((stage) => stage.name === source)?.rate > 0;
}

function Pipe({ box, from, flows, commandsFlow, isFlat }) {
  if (!from) return null;
  const isSagas = box.stage.name === "sagas";
  return html`
    ${isFlat || isSagas
      ? html`<${Line} d=${`M${box.x + box.w / 2} ${from.y + from.h}V${box.y}`} tip=${[box.x + box.w / 2, box.y]} turn=${90} flows=${flows} />`
      : html`<${Line} d=${`M${from.x + from.w} ${from.y + from.h / 2}H${box.x}`} tip=${[box.x, box.y + box.h / 2]} turn=${0} flows=${flows} />`}
    ${isSagas && html`<${WayBack} from=${box} flows=${flows && commandsFlow} />`}`;
}

/** With a head where it arrives. */
const Line = ({ d, tip: [x, y], turn, flows }) => html`
  <path class=${`pipe ${flows ? "flows" : ""}`} d=${d} />
  <path class=${`pipe-head ${flows ? "flows" : ""}`} transform=${`translate(${x} ${y}) rotate(${turn})`} d=${`M0 0L${-1.5 * ARROW} ${-ARROW}V${ARROW}z`} />`;

/** What sagas want are commands again. */
const WayBack = ({ from, flows }) => html`
  <${Line} d=${`M${from.x} ${from.y + from.h / 2}H${from.w / 2}V${BOX_HEIGHT + 1}`} tip=${[from.w / 2, BOX_HEIGHT + 1]} turn=${-90} flows=${flows} />
  <text class="pipe-label" x=${from.w / 2 + 10} y=${from.y + from.h / 2 - 8}>what sagas want are commands again</text>`;

function Stage({ box: { stage, x, y, w, h }, isFlat }) {
  const { tone } = lookOf(stage.state);
  const figures = figuresOf(stage);
  return html`
    <g class=${`stage ${tone}`} transform=${`translate(${x} ${y})`} role="img" aria-label=${spoken(stage)}>
      <title>${stage.detail}</title>
      <rect width=${w} height=${h} rx="8" />
      <path class="mark" transform="translate(16 20)" d=${MARKS[stage.state] ?? MARKS.unknown} />
      <text class="name" x="28" y="25">${stageName(stage)}</text>
      <text class="state" x=${isFlat ? w - 14 : 28} y=${isFlat ? 25 : 42} text-anchor=${isFlat ? "end" : "start"}>${stage.state}</text>
      ${isFlat
        ? html`<text class="figure" x="28" y="49">${figures.map(([, value, unit]) => `${value} ${unit}`).join(" · ") || "–"}</text>`
        : figures.map(([name, value, unit], at) => html`
            <text class="figure" x="14" y=${66 + at * 18} key=${name}>${value}<tspan class="unit"> ${unit}</tspan></text>`)}
    </g>`;
}

function figuresOf({ name, rate: perSecond, depth, lag_ms }) {
  const units = UNITS[name] ?? {};
  return [
    ["rate", units.rate ? rounded(perSecond) : rate(perSecond), units.rate ?? "", perSecond],
    ["depth", count(depth), units.depth ?? "waiting", depth],
    ["lag", milliseconds(lag_ms), units.lag ?? "behind", lag_ms],
  ].filter(([, , , known]) => known !== null && known !== undefined);
}

/** There is little room for large ones. */
const rounded = (number) => (number < 100 ? decimal(number) : count(number));

const spoken = (stage) =>
  `${stageName(stage)}: ${stage.state}. ${figuresOf(stage).map(([name, value, unit]) => `${name} ${value} ${unit}`).join(", ")}. ${stage.detail}`;
