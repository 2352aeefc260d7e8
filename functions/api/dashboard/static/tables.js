// Tables that are sorted by a click on a heading, and whose columns can be chosen; both are kept in this browser, by the table's name.
export function install(root) {
  for (const table of root.querySelectorAll("table[data-table]")) new Table(table);
}

class Table {
  constructor(table) {
    this.table = table;
    this.key = `table:${location.pathname.split("/")[1]}:${table.dataset.table}`;
    this.kept = { by: -1, down: false, hidden: [], open: false, ...JSON.parse(localStorage.getItem(this.key) ?? "{}") };
    this.heads = [...table.tHead.rows[0].cells];
    this.heads.forEach((head, column) => {
      if (!head.firstElementChild && head.textContent.trim()) head.replaceChildren(this.button(head.textContent, column));
    });
    this.choose(table.closest(".scroll").previousElementSibling);
    this.show();
  }

  button(name, column) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "sort", textContent: name });
    button.addEventListener("click", () => this.keep({ by: column, down: this.kept.by === column ? !this.kept.down : this.heads[column].matches(".n") }));
    return button;
  }

  choose(details) {
    if (!details?.matches(".choice")) return;
    Object.assign(details, { open: this.kept.open, ontoggle: () => this.keep({ open: details.open }) });
    this.heads.slice(1).forEach((head) => {
      const name = head.textContent;
      const label = Object.assign(document.createElement("label"), { className: "check", textContent: name });
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: !this.kept.hidden.includes(name) });
      box.addEventListener("change", () => this.keep({ hidden: box.checked ? this.kept.hidden.filter((each) => each !== name) : [...this.kept.hidden, name] }));
      label.prepend(box);
      details.append(label);
    });
  }

  keep(change) {
    Object.assign(this.kept, change);
    localStorage.setItem(this.key, JSON.stringify(this.kept));
    this.show();
  }

  show() {
    const { by, down, hidden } = this.kept;
    const value = (row) => {
      const text = row.cells[by]?.textContent.trim() ?? "";
      const number = Number.parseFloat(text.replace(/[$,+\s]/g, ""));
      return /^[-+]?[$]?[\d,.]+\s?(%|s)?$/.test(text) ? number : text === "–" || !text ? -Infinity : text;
    };
    const order = (one, other) => (typeof one === typeof other ? (one < other ? -1 : one > other ? 1 : 0) : typeof one === "number" ? -1 : 1);
    if (this.heads[by]) this.table.tBodies[0].append(...[...this.table.tBodies[0].rows].sort((one, other) => order(value(one), value(other)) * (down ? -1 : 1)));
    this.heads.forEach((head, column) => (column === by ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    for (const row of this.table.rows) if (row.cells.length === this.heads.length) this.heads.forEach((head, column) => (row.cells[column].hidden = hidden.includes(head.textContent)));
  }
}
