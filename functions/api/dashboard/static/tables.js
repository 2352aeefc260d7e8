// Tables that are sorted by a click on a heading, and whose columns can be chosen; both are kept in this browser, by the table's name.
export const install = (root) => root.querySelectorAll("table[data-table]").forEach((table) => new Table(table));

const UNITS = { s: 1, min: 60, h: 3_600, d: 86_400 };

// What a cell is worth in an order: a number, a length of time in seconds, or its text; nothing comes before everything.
export function worth(text) {
  if (text === "–" || !text) return -Infinity;
  if (text === "just now") return 0;
  if (/^(\d+ (s|min|h|d) ?)+(ago)?$/.test(text)) return [...text.matchAll(/(\d+) (\w+)/g)].reduce((sum, [, count, unit]) => sum + count * UNITS[unit], 0);
  return /^[-+]?[$]?[\d,.]+\s?(%|bps|s)?$/.test(text) ? Number.parseFloat(text.replace(/[$,+\s]/g, "")) : text;
}

class Table {
  constructor(table) {
    this.table = table;
    this.key = `table:${location.pathname.split("/")[1]}:${table.dataset.table}`;
    this.kept = { by: -1, down: false, hidden: [], open: false, ...JSON.parse(localStorage.getItem(this.key) ?? "{}") };
    this.heads = [...table.tHead.rows[0].cells];
    this.names = this.heads.map((head) => head.textContent);
    this.heads.forEach((head, column) => !head.firstElementChild && head.textContent.trim() && this.offer(head, column));
    this.choose(table.closest(".scroll").previousElementSibling);
    this.sort();
    this.hide(this.kept.hidden);
  }

  offer(head, column) {
    const press = () => this.sort(this.keep({ by: column, down: this.kept.by === column ? !this.kept.down : head.matches(".n") }));
    head.replaceChildren(Object.assign(document.createElement("button"), { type: "button", className: "sort", textContent: head.textContent, onclick: press }));
  }

  choose(details) {
    if (!details?.matches(".choice")) return;
    Object.assign(details, { open: this.kept.open, ontoggle: () => this.keep({ open: details.open }) });
    for (const name of this.names.slice(1)) {
      const label = Object.assign(document.createElement("label"), { className: "check", textContent: name });
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: !this.kept.hidden.includes(name) });
      box.onchange = () => this.hide([name], this.keep({ hidden: box.checked ? this.kept.hidden.filter((each) => each !== name) : [...this.kept.hidden, name] }));
      label.prepend(box);
      details.append(label);
    }
  }

  keep(change) {
    Object.assign(this.kept, change);
    localStorage.setItem(this.key, JSON.stringify(this.kept));
  }

  sort() {
    const { by, down } = this.kept;
    if (!this.heads[by]) return;
    const order = ([one], [other]) => (typeof one === typeof other ? (one < other ? -1 : one > other ? 1 : 0) : typeof one === "number" ? -1 : 1) * (down ? -1 : 1);
    this.table.tBodies[0].append(...[...this.table.tBodies[0].rows].map((row) => [worth(row.cells[by]?.textContent.trim()), row]).sort(order).map(([, row]) => row));
    this.heads.forEach((head, column) => (column === by ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
  }

  // Only columns whose place changes are touched: a table may have a thousand rows.
  hide(names) {
    for (const column of names.map((name) => this.names.indexOf(name)).filter((at) => at > 0)) {
      for (const row of this.table.rows) if (row.cells.length === this.heads.length) row.cells[column].hidden = this.kept.hidden.includes(this.names[column]);
    }
  }
}
