// Numbers, money, instants and names as people read them.

const LOCALE = "en-GB";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const NONE = "–";

export const count = (number) => (number === null || number === undefined ? NONE : whole.format(number));
/** `1 order`, `2 orders`. */
export const counted = (number, name) => `${count(number)} ${name}${number === 1 ? "" : "s"}`;
export const decimal = (number) => (number === null || number === undefined ? NONE : short.format(number));
export const share = (part) => (part === null || part === undefined ? NONE : percent.format(part));

/** So many a second. */
export function rate(perSecond) {
  return perSecond === null || perSecond === undefined ? NONE : `${short.format(perSecond)}/s`;
}

/** `{amount, currency}` as queries tell it: the amount is a decimal text. */
export function money(told) {
  if (!told) return NONE;
  return new Intl.NumberFormat(LOCALE, { style: "currency", currency: told.currency }).format(told.amount);
}

/** The same where there is little room: `€7.2k`. */
export function roundMoney({ amount, currency }) {
  return new Intl.NumberFormat(LOCALE, { style: "currency", currency, notation: "compact", maximumFractionDigits: 1 }).format(amount);
}

/** The same as states and stored events have it: the amount is in minor units. */
export function minorMoney({ amount, currency }) {
  const format = new Intl.NumberFormat(LOCALE, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** `850 ms`, `2.4 s`, `3 min`. */
export function milliseconds(number) {
  if (number === null || number === undefined) return NONE;
  if (number < 1000) return `${number < 10 ? short.format(number) : whole.format(number)} ms`;
  return seconds(number / 1000);
}

export function seconds(number) {
  if (number === null || number === undefined) return NONE;
  return number < 10 ? `${short.format(number)} s` : unitOf(number);
}

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function unitOf(number) {
  const [unit, size] = UNITS.find(([, size]) => number >= size) ?? UNITS.at(-1);
  return `${Math.floor(number / size)} ${unit}`;
}

/** `3 min ago`; what is about now is `just now`. */
export function ago(instant, now = Date.now()) {
  const passed = (now - new Date(instant)) / 1000;
  if (passed < 0) return `in ${unitOf(-passed)}`;
  return passed < 2 ? "just now" : `${unitOf(passed)} ago`;
}

export const time = (instant) => clock.format(new Date(instant));
export const date = (instant) => day.format(new Date(instant));
/** Without doubt: for titles and for copying. */
export const exact = (instant) => `${new Date(instant).toISOString().replace("T", " ").replace("Z", "")} UTC`;
export const shortId = (id) => String(id).slice(0, 8);

/** `OrderInitiated` → `Order initiated`, `reserve_stock` → `Reserve stock`. */
export function words(name) {
  if (name === "ok") return "OK";
  const text = String(name).replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
