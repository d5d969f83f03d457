// What may be done with an order in which status: the buttons, and what they send.

const ITEM = [
  { name: "product_id", title: "Product id", type: "number", isNeeded: true, attributes: { min: 1, step: 1 } },
  { name: "quantity", title: "Quantity", type: "number", value: 1, isNeeded: true, attributes: { min: 1, step: 1 } },
];
const REASON = { name: "reason", title: "Reason", attributes: { maxlength: 500 } };
const UNPAID = ["PENDING", "VALIDATED"];
const OVER = ["COMPLETED", "REJECTED", "CANCELLED", "REFUNDED"];

/** The domain decides; this table only spares people what it would refuse. */
export const ORDER_COMMANDS = [
  {
    title: "Pay", icon: "ok", kind: "main", of: ["VALIDATED"], path: () => "payments",
    explains: "A sandbox: no real money moves. What happens is the card's doing.",
    fields: [{ name: "card_token", title: "Card", options: ["tok_approve", "tok_decline", "tok_slow", "tok_flaky", "tok_never"] }],
    body: (values, id) => ({ order_id: id, ...values }),
  },
  {
    title: "Ship", icon: "move", kind: "main", of: ["PAID"], path: (id) => `orders/${id}/ship`,
    fields: [
      { name: "carrier", title: "Carrier", value: "DHL", isNeeded: true },
      { name: "tracking_number", title: "Tracking number", isNeeded: true },
    ],
  },
  { title: "Deliver", icon: "ok", kind: "main", of: ["SHIPPED"], path: (id) => `orders/${id}/deliver`, body: () => ({}) },
  { title: "Complete", icon: "ok", kind: "main", of: ["DELIVERED"], path: (id) => `orders/${id}/complete`, body: () => ({}) },
  { title: "Add an item", icon: "plus", of: UNPAID, path: (id) => `orders/${id}/items`, fields: ITEM },
  {
    title: "Remove an item", of: UNPAID, path: (id) => `orders/${id}/items/remove`,
    fields: [
      ITEM[0],
      { ...ITEM[1], value: undefined, isNeeded: false, hint: "Without it the whole line goes." },
      { ...REASON, isNeeded: true },
    ],
  },
  {
    title: "Refund", icon: "undo", of: ["DELIVERED", "COMPLETED"], path: (id) => `orders/${id}/refund`,
    fields: [{ name: "amount", title: "Amount in EUR", hint: "Without it all that is left.", attributes: { inputmode: "decimal" } }, REASON],
  },
  {
    title: "Cancel the order", label: "Cancel", icon: "bad", kind: "danger", of: [...UNPAID, "PAID"],
    path: (id) => `orders/${id}/cancel`, fields: [REASON],
    explains: "What is reserved is released, and what was paid goes back.",
  },
  {
    title: "Delete the order", label: "Delete", icon: "bad", kind: "danger", of: OVER, method: "DELETE", path: (id) => `orders/${id}`,
    explains: "It leaves the lists and the sums. The log keeps what happened.",
  },
];

/** Those that fit this order, ready for `Wish`. */
export function commandsFor(order, onDone) {
  const id = order.order_id;
  const fitting = order.is_deleted ? [] : ORDER_COMMANDS.filter(({ of }) => of.includes(order.status));
  return fitting.map(({ path, body, fields, ...rest }) => ({
    ...rest,
    fields,
    path: `commands/${path(id)}`,
    body: body ? (values) => body(values, id) : fields ? (values) => withoutNulls(values) : undefined,
    onDone,
    done: (answer) => `${rest.title}: version ${answer.version} at position ${answer.position}`,
  }));
}

export const withoutNulls = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
