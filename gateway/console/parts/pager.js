// Pages of a list by its cursor; the cursor is in the address, and the way back is the browser's.
import { html } from "../view.js";
import { href, path, query } from "../router.js";
import { Icon } from "./icon.js";

export function Pager({ nextCursor }) {
  const here = Object.fromEntries(query.value);
  if (!nextCursor && !here.cursor) return null;
  return html`
    <nav class="pager" aria-label="Pages">
      ${here.cursor && html`<a class="button" href=${href(path.value, { ...here, cursor: null })}>First page</a>`}
      ${nextCursor && html`
        <a class="button" href=${href(path.value, { ...here, cursor: nextCursor })}>Next page<${Icon} name="move" /></a>`}
    </nav>`;
}
