// Light or dark: what the system says, until somebody chooses.
import { signal } from "./view.js";

const KEY = "leveret.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const read = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");

/** `light` or `dark`. */
export const theme = signal(read());
dark.addEventListener("change", () => { theme.value = read(); });

export function changeTheme() {
  const other = theme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = other;
  localStorage.setItem(KEY, other);
  theme.value = other;
}
