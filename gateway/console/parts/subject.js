// The page of what a stream is about.
import { html } from "../view.js";
import { href } from "../router.js";

const PAGES = { order: "orders", inventory: "products", product: "products", media: "products", attributes: "products" };

/** A link to it, or null where there is no page. */
export function subjectLink(stream) {
  const [context, id] = [stream.slice(0, stream.indexOf("-")), stream.slice(stream.indexOf("-") + 1)];
  return PAGES[context] ? html`<a class="button quiet" href=${href(`${PAGES[context]}/${id}`)}>Go to this ${context === "order" ? "order" : "product"}</a>` : null;
}
