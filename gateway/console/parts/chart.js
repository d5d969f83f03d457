// Lines over time, drawn by uPlot in the colours of the theme; the legend is text, and says the newest values.
import { html, useEffect, useRef } from "../view.js";
import uPlot from "../vendor/uplot.js";
import { theme } from "../appearance.js";

const HEIGHT = 170;
const POINT_SIZE = 6; // pixels

/** @typedef {{name: string, color: string, values: (number|null)[], dash?: number[]}} Line `color` is a custom property's name */

/**
 * @param {{title: string, seconds: number[], lines: Line[], format: (value: number) => string, bars?: boolean,
 *          isWhole?: boolean, scale?: (value: number) => string, ticks?: (seconds: number) => string}} chart
 */
export function Chart({ title, seconds, lines, format, scale = format, bars = false, isWhole = false, ticks }) {
  const place = useRef(null);
  const plot = useRef(null);
  const data = [seconds, ...lines.map(({ values }) => values)];

  useEffect(() => {
    const color = colors(place.current);
    const width = Math.max(place.current.clientWidth, 200);
    plot.current = new uPlot(optionsOf({ width, lines, scale, bars, isWhole, ticks, color, length: seconds.length }), data, place.current);
    const watch = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width) plot.current?.setSize({ width: contentRect.width, height: HEIGHT });
    });
    watch.observe(place.current);
    return () => { watch.disconnect(); plot.current.destroy(); plot.current = null; };
  }, [theme.value, lines.map(({ name }) => name).join(), bars && seconds.length]);

  useEffect(() => { plot.current?.setData(data); }, [seconds, lines]);

  return html`
    <figure class="chart">
      <figcaption>
        <span class="chart-title">${title}</span>
        <ul class="legend">${lines.map((line) => html`<${Key} line=${line} format=${format} key=${line.name} />`)}</ul>
      </figcaption>
      <div class="plot" ref=${place} role="img" aria-label=${spoken(title, lines, format)}></div>
    </figure>`;
}

const Key = ({ line, format }) => html`
  <li><i class=${`swatch ${line.dash ? "dashed" : ""}`} style=${{ color: `var(${line.color})` }}></i>${line.name}${" "}
    <b>${format(newest(line.values))}</b></li>`;

const newest = (values) => values.findLast((value) => value !== null && value !== undefined) ?? null;

const spoken = (title, lines, format) =>
  `${title}: ${lines.map(({ name, values }) => `${name} ${format(newest(values))}`).join(", ")}`;

function colors(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}

function optionsOf({ width, lines, scale, bars, isWhole, ticks, color, length }) {
  const axis = {
    stroke: color("--ink-soft"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 20, 0, 0],
    scales: { x: bars ? { time: false, range: [-0.6, length - 0.4] } : {}, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, size: 28, space: 70, incrs: bars ? PERIODS_APART : SECONDS_APART, values: ticks ? (_, splits) => splits.map(ticks) : CLOCK },
      { ...axis, size: 56, incrs: isWhole ? WHOLE : undefined, values: (_, splits) => splits.map(scale) },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, bars, color))],
  };
}

const PERIODS_APART = [1, 2, 5, 10, 20, 50, 100];
const WHOLE = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000].flatMap((ten) => [ten, 2 * ten, 5 * ten]);
const SECONDS_APART = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
const CLOCK = (_, splits) => splits.map((second) => new Date(second * 1000).toTimeString().slice(0, 5));

const seriesOf = (line, bars, color) => ({
  stroke: color(line.color),
  fill: bars ? color(line.color) : undefined,
  width: bars ? 0 : 1.75,
  dash: line.dash,
  points: { show: false, filter: bars ? undefined : isolated, size: POINT_SIZE, width: 0, fill: color(line.color) },
  paths: bars ? uPlot.paths.bars({ size: [0.7, 64] }) : undefined,
});

/** Where a value stands alone between gaps no line is drawn: then it is a point. */
function isolated(plot, series) {
  const values = plot.data[series];
  const isGap = (at) => values[at] === null || values[at] === undefined;
  return values.flatMap((_, at) => (!isGap(at) && isGap(at - 1) && isGap(at + 1) ? [at] : []));
}
