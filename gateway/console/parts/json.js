// Stored data as it is, to be read and copied.
import { html } from "../view.js";
import { CopyButton } from "./copy.js";

export const pretty = (value) => JSON.stringify(value, null, 2);

export const Json = ({ value, label }) => html`
  <figure class="json">
    <figcaption>${label}<${CopyButton} text=${() => pretty(value)} label="Copy JSON" /></figcaption>
    <pre tabindex="0" role="region" aria-label=${label}>${pretty(value)}</pre>
  </figure>`;
