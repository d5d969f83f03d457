// Appends one event to each of many new streams through Emmett; prints {"perSecond", "milliseconds"} as JSON.
// node emmett.mjs <postgresql|mongodb> <url> <workers> <seconds>

import { randomUUID } from "node:crypto";
import { STREAM_DOES_NOT_EXIST } from "@event-driven-io/emmett";
import { getMongoDBEventStore } from "@event-driven-io/emmett-mongodb";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";
import { MongoClient } from "mongodb";

const WARM_UP_SECONDS = 1;
const DATABASE = "bench_emmett";
const OPEN = { postgresql: openPostgreSQL, mongodb: openMongoDB };

async function openPostgreSQL(url) {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  return { store, streamOf: (id) => `order-${id}`, close: () => store.close() };
}

async function openMongoDB(url) {
  const client = await new MongoClient(url).connect();
  await client.db(DATABASE).dropDatabase();
  const storage = { type: "COLLECTION_PER_STREAM_TYPE", databaseName: DATABASE };
  const store = getMongoDBEventStore({ client, storage });
  const close = () => client.db(DATABASE).dropDatabase().then(() => client.close());
  return { store, streamOf: (id) => `order:${id}`, close };
}

function orderInitiated(orderId, userId) {
  const items = [{ product_id: 456, quantity: 1 }];
  return { type: "OrderInitiated", data: { order_id: orderId, user_id: userId, items, personal: {} } };
}

async function appendInARow({ store, streamOf }, userId, countsFrom, until, milliseconds) {
  for (let started = performance.now(); started < until; started = performance.now()) {
    const orderId = randomUUID();
    const options = { expectedStreamVersion: STREAM_DOES_NOT_EXIST };
    await store.appendToStream(streamOf(orderId), [orderInitiated(orderId, userId)], options);
    const ended = performance.now();
    if (countsFrom <= ended && ended <= until) milliseconds.push(ended - started);
  }
}

const [kind, url, workers, seconds] = process.argv.slice(2);
const opened = await OPEN[kind](url);
const countsFrom = performance.now() + 1000 * WARM_UP_SECONDS;
const until = countsFrom + 1000 * Number(seconds);
const milliseconds = [];
const numbers = Array.from({ length: Number(workers) }, (_, number) => number + 1);
await Promise.all(numbers.map((number) => appendInARow(opened, number, countsFrom, until, milliseconds)));
await opened.close();
console.log(JSON.stringify({ perSecond: milliseconds.length / Number(seconds), milliseconds }));
