#!/usr/bin/env bash
# Pins and hashes every dependency group of pyproject.toml. No address is written, so the files
# work with any package index.
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=${UV:-.venv/bin/uv}
compile() { # output, options...
    local out=$1; shift
    "$uv" pip compile -q --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
        "$@" -o "layers/requirements/$out"
}
# Groups name all they need: the project's own dependencies are not every function's. What Lambda and Fargate run: Python 3.13 on arm64.
for kind in sandbox engine broker api mcp assistant ingestor; do
    compile "$kind.txt" --group "$kind" --python-version 3.13 --python-platform aarch64-manylinux_2_28
done
# One machine: every group, for any Python from 3.11 on.
compile local.txt --universal --python-version 3.11 --group sandbox --group api --group mcp --group assistant --group broker \
    --group research --group infra --group local --group dev
# Peers of the benchmarks, in an environment of their own.
compile bench.txt --universal --python-version 3.11 --group bench --group research
"$uv" pip compile -q --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --universal \
    --python-version 3.11 -o layers/requirements/bootstrap.txt - <<< "uv>=0.13,<0.14"
# LocalStack without Docker, in an environment of its own: what it pins itself, with hashes.
"$uv" pip compile -q --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --no-deps \
    --python-version 3.13 -o layers/requirements/localstack.txt layers/requirements/localstack.in
