// The page of what a stream is about.
import { html } from "../view.js";
import { href } from "../router.js";

const PAGES = { order: "orders", inventory: "products", product: "products", media: "products", attributes: "products" };

/** The address of what a commit is about, or null where there is no page; a payment is shown with its order. */
function addressOf({ stream, events }) {
  const [context, id] = [stream.slice(0, stream.indexOf("-")), stream.slice(stream.indexOf("-") + 1)];
  if (PAGES[context]) return href(`${PAGES[context]}/${id}`);
  const order = context === "payment" && events.find(({ data }) => data?.order_id)?.data.order_id;
  return order ? href(`orders/${order}`) : null;
}

/** A commit's stream, a link where there is a page. */
export function Stream({ of: commit }) {
  const address = addressOf(commit);
  return address ? html`<a class="stream" href=${address}>${commit.stream}</a>` : html`<span class="stream">${commit.stream}</span>`;
}
