// Every page: where it is, what it is called, what draws it.
import { Customer } from "./customer.js";
import { Customers } from "./customers.js";
import { Events } from "./events.js";
import { Inventory } from "./inventory.js";
import { Lab } from "./lab.js";
import { Nowhere } from "./nowhere.js";
import { Order } from "./order.js";
import { Orders } from "./orders.js";
import { Overview } from "./overview.js";
import { Parked } from "./parked.js";
import { Product } from "./product.js";
import { Products } from "./products.js";
import { Projections } from "./projections.js";
import { Queues } from "./queues.js";
import { Saga } from "./saga.js";
import { Sagas } from "./sagas.js";
import { Statistics } from "./statistics.js";

/** `*` stands for one word of the address, which the page is given; pages with an icon stand in the list of ways. */
export const PAGES = [
  { path: "", title: "Overview", icon: "overview", Page: Overview },
  { path: "orders", title: "Orders", icon: "orders", Page: Orders },
  { path: "orders/*", title: "Order", Page: Order },
  { path: "inventory", title: "Inventory", icon: "inventory", Page: Inventory },
  { path: "products", title: "Products", icon: "products", Page: Products },
  { path: "products/*", title: "Product", Page: Product },
  { path: "customers", title: "Customers", icon: "customers", Page: Customers },
  { path: "customers/*", title: "Customer", Page: Customer },
  { path: "statistics", title: "Statistics", icon: "statistics", Page: Statistics },
  { path: "events", title: "Events", icon: "events", Page: Events },
  { path: "projections", title: "Projections", icon: "projections", Page: Projections },
  { path: "projections/parked/*/*", title: "Parked", Page: Parked },
  { path: "sagas", title: "Sagas", icon: "sagas", Page: Sagas },
  { path: "sagas/*/*", title: "Saga", Page: Saga },
  { path: "queues", title: "Queues", icon: "queues", Page: Queues },
  { path: "lab", title: "Lab", icon: "lab", Page: Lab },
];
const NOWHERE = { path: "nowhere", title: "Nothing here", Page: Nowhere };

/** The page at this address, and the words that its `*` stand for. */
export function pageAt(path) {
  const words = path.split("/");
  const page = PAGES.find((one) => fits(one.path.split("/"), words)) ?? NOWHERE;
  return { page, words: words.filter((_, at) => page.path.split("/")[at] === "*") };
}

const fits = (pattern, words) =>
  pattern.length === words.length && pattern.every((one, at) => one === words[at] || (one === "*" && words[at]));
