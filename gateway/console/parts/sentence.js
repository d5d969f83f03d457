// A sentence for people in which commands stand between backticks.
import { html } from "../view.js";

export const Sentence = ({ text }) => String(text ?? "").split("`").map((piece, at) => (at % 2 ? html`<code>${piece}</code>` : piece));
