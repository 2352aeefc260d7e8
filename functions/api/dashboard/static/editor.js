// A text field with colors behind it, line numbers, and marks where the compiler found something.
import { painted } from "./highlight.js";

export const install = (root) => root.querySelectorAll("[data-editor]").forEach((box) => new Editor(box));

class Editor {
  constructor(box) {
    [this.gutter, this.paint, this.field] = [".gutter", ".paint", "textarea"].map((part) => box.querySelector(part));
    this.findings = document.getElementById(`${this.field.id}-findings`);
    [this.marks, this.asked] = [new Set(), new Set()];
    box.classList.add("painted");
    this.field.addEventListener("input", () => this.draw());
    this.field.addEventListener("scroll", () => this.follow());
    this.field.addEventListener("keydown", (event) => this.indent(event));
    this.findings.addEventListener("htmx:afterSwap", () => this.mark());
    this.findings.addEventListener("click", (event) => this.jump(event));
    box.closest("section")?.addEventListener("click", (event) => this.show(event));
    this.keep(box);
    document.querySelectorAll(`[data-timeframe="${this.field.id}"]`).forEach((list) => this.choose(list));
    this.draw();
    new ResizeObserver(() => this.field.clientWidth !== this.width && this.draw()).observe(this.field);
  }

  // What was written and not stored is kept in this browser, until it is stored or the code under it is another.
  keep(box) {
    const key = `draft:${location.pathname}:${this.field.id}`;
    // As it came: somebody may have written before this was loaded.
    const base = this.field.defaultValue;
    const restored = box.parentElement.querySelector("[data-restored]");
    const kept = JSON.parse(localStorage.getItem(key) ?? "null");
    if (kept?.base === base && kept.value !== base && this.field.value === base) {
      this.field.value = kept.value;
      restored.hidden = false;
    }
    const store = () => (this.field.value === base ? localStorage.removeItem(key) : localStorage.setItem(key, JSON.stringify({ base, value: this.field.value })));
    if (this.field.value !== base) store();
    this.field.addEventListener("input", store);
    restored.querySelector("[data-forget]").addEventListener("click", () => {
      this.field.value = base;
      restored.hidden = true;
      this.field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    this.field.form.addEventListener("htmx:afterRequest", ({ detail }) => detail.elt === this.field.form && detail.successful && localStorage.removeItem(key));
  }

  // The bars that a strategy decides on are a line of its code: the list, which a portfolio's editor has not, writes it and shows what was written.
  choose(list) {
    const line = /^TIMEFRAME *= *["']([^"'\n]*)["'][^\n]*\n?/m;
    const shown = () => {
      list.value = line.exec(this.field.value)?.[1] ?? list.options[0].value;
      // What rotates has a schedule instead.
      list.closest("label").hidden = /^(UNIVERSE|SCHEDULE) *=/m.test(this.field.value);
    };
    this.field.addEventListener("input", shown);
    list.addEventListener("change", () => {
      this.field.value = (list.selectedIndex ? `TIMEFRAME = "${list.value}"\n` : "") + this.field.value.replace(line, "");
      this.field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    shown();
  }

  // The lines of a requirement, or of a rule, are marked while its chip is pressed.
  show(event) {
    const chip = event.target.closest("[data-lines]");
    if (!chip) return;
    const pressed = chip.getAttribute("aria-pressed") !== "true";
    for (const each of chip.closest("section").querySelectorAll("[data-lines]")) each.setAttribute("aria-pressed", String(each === chip && pressed));
    this.asked = new Set(pressed ? chip.dataset.lines.split(",").map(Number) : []);
    this.draw();
  }

  draw() {
    const lines = this.field.value.split("\n");
    this.paint.replaceChildren(...lines.map((text, index) => {
      const line = Object.assign(document.createElement("span"), { className: this.marks.has(index + 1) ? "line marked" : this.asked.has(index + 1) ? "line asked" : "line" });
      line.append(...painted(text), "\n");
      return line;
    }));
    // A long line takes several rows: its number stands at the first.
    this.width = this.field.clientWidth;
    this.paint.style.width = `${this.width}px`;
    const heights = [...this.paint.children].map((line) => line.offsetHeight);
    this.gutter.replaceChildren(...lines.map((_, index) => {
      const number = Object.assign(document.createElement("span"), { className: this.marks.has(index + 1) ? "marked" : "", textContent: index + 1 });
      number.style.height = `${heights[index]}px`;
      return number;
    }));
    this.follow();
  }

  follow() {
    this.paint.scrollTop = this.gutter.scrollTop = this.field.scrollTop;
    this.gutter.style.height = this.paint.style.height = `${this.field.offsetHeight}px`;
  }

  mark() {
    this.marks = new Set([...this.findings.querySelectorAll("[data-line]")].map((each) => Number(each.dataset.line)));
    this.draw();
  }

  // Tab indents; Escape first lets it leave the field, for those who use the keyboard alone.
  indent(event) {
    if (event.key === "Escape") this.leaving = true;
    else if (event.key === "Tab" && !this.leaving && !event.shiftKey) {
      event.preventDefault();
      this.field.setRangeText("    ", this.field.selectionStart, this.field.selectionEnd, "end");
      this.field.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (event.key !== "Tab" && event.key !== "Shift") this.leaving = false;
  }

  jump(event) {
    const target = event.target.closest("[data-goto]");
    if (!target) return;
    const before = this.field.value.split("\n").slice(0, Number(target.dataset.goto) - 1);
    const place = before.reduce((sum, line) => sum + line.length + 1, 0) + Number(target.dataset.column) - 1;
    this.field.focus();
    this.field.setSelectionRange(place, place);
  }
}
