// The token with which this tab asks, where the stack wants one; gone when the tab is closed.
import { signal } from "./view.js";

const KEY = "leveret.token";

export const token = signal(sessionStorage.getItem(KEY) ?? "");
/** Whether an answer said that a token is missing or not good. */
export const isRefused = signal(false);

export function signIn(text) {
  token.value = text.trim().replace(/^Bearer\s+/i, "");
  isRefused.value = false;
  if (token.value) sessionStorage.setItem(KEY, token.value);
  else sessionStorage.removeItem(KEY);
}

/** @returns {Record<string, string>} */
export function authorization() {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}
