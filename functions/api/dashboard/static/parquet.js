// A backtest's trades as a Parquet file, written in the browser.
import { parquetWriteBuffer } from "./hyparquet-writer-0.17.0.mjs";

const TYPES = { quantity: "DOUBLE", entry_price: "DOUBLE", exit_price: "DOUBLE", pnl: "DOUBLE", return: "DOUBLE", bars: "INT32", exit_reason: "STRING" };

export async function download(button) {
  const { trades } = await fetch(button.dataset.parquet).then((reply) => reply.json());
  const times = ["entry_time", "exit_time"].map((name) => ({ name, data: trades.map((each) => new Date(each[name] * 1000)), type: "TIMESTAMP" }));
  const others = Object.entries(TYPES).map(([name, type]) => ({ name, data: trades.map((each) => each[name]), type }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([parquetWriteBuffer({ columnData: [...times, ...others] })]));
  link.download = button.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
