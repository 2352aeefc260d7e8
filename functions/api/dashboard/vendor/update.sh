#!/usr/bin/env bash
# Fetches the files of this folder from their npm packages. Needs npm.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent htmx.org@2.0.8 lightweight-charts@5.2.1 @fontsource-variable/inter@5.3.0 subset-font@2.9.0
cp node_modules/htmx.org/dist/htmx.min.js "$here/htmx-2.0.8.min.js"
cp node_modules/htmx.org/LICENSE "$here/htmx.LICENSE"
cp node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.mjs "$here/lightweight-charts-5.2.1.mjs"
cp node_modules/lightweight-charts/LICENSE "$here/lightweight-charts.LICENSE"
cat > subset.mjs << 'END'
import { readFileSync, writeFileSync } from "node:fs";
import subsetFont from "subset-font";
const between = (first, end) => Array.from({ length: end - first }, (_, at) => String.fromCharCode(first + at)).join("");
const text = between(0x20, 0x7f) + between(0xa0, 0x100) + "–—‘’“”…•×÷−≤≥→←↑↓✓✕·€£™";
const whole = readFileSync("node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2");
writeFileSync(process.argv[2], await subsetFont(whole, text, { targetFormat: "woff2", variationAxes: { wght: { min: 400, max: 700 } } }));
END
node subset.mjs "$here/inter-5.3.0.woff2"
cp node_modules/@fontsource-variable/inter/LICENSE "$here/inter.LICENSE"
