// What a program in TypeScript writes against the clients that are made of the document: it must compile, and what is wrong must not.
import { getPortfolio, listOrders, placeOrder, startSession } from "./node_modules/clients/sdk";
import type { components, paths } from "./node_modules/clients/types";

const placed = await placeOrder({ body: { symbol: "AAPL", side: "buy", quantity: "1", type: "limit", limit_price: "187.5" } });
if (placed.data) console.log(placed.data.order_id, placed.data.status === "FILLED", placed.data.filled_quantity.length);
if (placed.error) console.log(placed.error.type, placed.error.detail);
// @ts-expect-error: there are two sides
await placeOrder({ body: { symbol: "AAPL", side: "hold", quantity: "1" } });
// @ts-expect-error: amounts are text
await placeOrder({ body: { symbol: "AAPL", side: "buy", quantity: 1 } });
// @ts-expect-error: a session runs a strategy
await startSession({ body: { symbol: "AAPL" } });

const { data: portfolio } = await getPortfolio();
console.log(portfolio?.equity, portfolio?.positions.map((each) => each.symbol));
const { data: orders } = await listOrders({ query: { limit: 20, symbol: "AAPL" } });
console.log(orders?.items.length, orders?.next);

type Order = components["schemas"]["OrderView"];
type Answer = paths["/v1/orders/{order_id}"]["get"]["responses"][200]["content"]["application/json"];
export const same = (order: Order): Answer => order;
