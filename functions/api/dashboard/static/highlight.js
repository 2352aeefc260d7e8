// Python in colors: tokens by one expression, always as text nodes, never as markup.
const KEYWORDS = new Set("def return if elif else for in and or not pass True False None import as is".split(" "));
const TOKEN = /(#[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(\b\d[\d_.]*(?:e[+-]?\d+)?\b)|([A-Za-z_]\w*)(?=(\s*\()?)/g;

const span = (kind, text) => Object.assign(document.createElement("span"), { className: kind, textContent: text });

export function painted(line) {
  const parts = [];
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    const [whole, comment, string, number, word, call] = match;
    const kind = comment ? "t-comment" : string ? "t-text" : number ? "t-number" : KEYWORDS.has(word) ? "t-keyword" : call ? "t-call" : null;
    if (!kind) continue;
    parts.push(line.slice(end, match.index), span(kind, whole));
    end = match.index + whole.length;
  }
  return [...parts, line.slice(end)];
}

export function paintAll(root) {
  for (const block of root.querySelectorAll("pre[data-code]")) {
    const lines = block.textContent.split("\n");
    block.replaceChildren(...lines.flatMap((line) => [...painted(line), "\n"]));
  }
}
