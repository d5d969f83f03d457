// Copying to the clipboard, with a word that it was done.
import { html, useState } from "../view.js";
import { Icon } from "./icon.js";

const DONE_MS = 1600;

/** `text` is what is copied, or a function that makes it. */
export function CopyButton({ text, label }) {
  const [said, say] = useState(null);
  async function copy() {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      say("Copied");
    } catch {
      say("Not allowed here");
    }
    setTimeout(() => say(null), DONE_MS);
  }
  return html`<button class="button quiet" onClick=${copy}><${Icon} name=${said ? "ok" : "copy"} /><span aria-live="polite">${said ?? label}</span></button>`;
}
