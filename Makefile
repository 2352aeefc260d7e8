# Everything a developer types. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PYTHONPATH := layers:localstack:.
# Compiled once: where the environment forbids it, every process compiles every module anew, which is most of a start.
export PYTHONDONTWRITEBYTECODE :=
ARGS ?=
# Runs a module of Python that ends without a traceback when it is stopped, already while it imports.
RUN := -c 'import runpy, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)'

# Processes that run the tests, more than two cores: what stands on a platform often waits for it. WORKERS=0 runs them one after the other in one.
WORKERS ?= 6
SOAK ?= 2000
SOAK_PROGRAMS ?= 10000
COLLUSION_ROUNDS ?= 1000000
SIMULATION_SECONDS ?= 3600

.PHONY: help install up demo test test-all collect soak check contract openapi released examples format lock bench eval screenshots lighthouse history measure cost scale sizes arm64 bootstrap preflight deploy smoke secrets operator corporate-actions audit mutants break-glass rehearse-restore vulnerabilities sbom drift destroy localstack-install localstack-up localstack-test clean

help: ## Lists the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed ## Builds .venv from the lock files

.venv/.installed: layers/requirements/local.txt layers/requirements/bootstrap.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "make install: Python 3.11 or newer is needed; set PYTHON=python3.12 or the like")'
	@$(PYTHON) -c 'import sys; from importlib.util import find_spec; sys.exit(0 if find_spec("ensurepip") else "make install: this Python has no venv; on Debian install python3-venv")'
	@$(PYTHON) $(RUN) venv .venv
	@$(BIN)/python $(RUN) pip install -q --disable-pip-version-check --require-hashes -r layers/requirements/bootstrap.txt
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r layers/requirements/local.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

up: install ## Brings the platform up on this machine (ARGS="--port 8000 --speed 60 --fresh")
	@$(BIN)/python -W ignore $(RUN) up $(ARGS)

demo: install ## Brings it up, trades, checks every invariant, goes down; one JSON object on stdout
	@$(BIN)/python -W ignore $(RUN) demo $(ARGS)

test: install ## Runs all tests but the long ones, side by side (WORKERS=6): ten minutes on two cores
	@$(BIN)/pytest -n $(WORKERS) --max-worker-restart 0 -m "not long" $(ARGS)

test-all: install ## Runs every test, the long ones too, as CI does (WORKERS=6)
	@$(BIN)/pytest -n $(WORKERS) --max-worker-restart 0 $(ARGS)

collect: install ## Reads every test and runs none; what it compiles is there for the processes that run them
	@$(BIN)/pytest --collect-only -q > /dev/null

soak: install ## Drives the ledger with everything that can happen (SOAK=examples, 50 steps each), the gate with as many programs, random programs live and in the backtest (SOAK_PROGRAMS), colluders (COLLUSION_ROUNDS), and days of trading from new seeds (SIMULATION_SECONDS)
	@SIMULATION_SECONDS=$(SIMULATION_SECONDS) $(BIN)/pytest -q -s -x tests/simulation $(ARGS)
	@SOAK_PROGRAMS=$(SOAK_PROGRAMS) $(BIN)/pytest -q -s -x tests/integration/test_live_is_the_backtest.py $(ARGS)
	@COLLUSION_ROUNDS=$(COLLUSION_ROUNDS) $(BIN)/pytest -q -s -x tests/unit/portfolio/test_collusion.py $(ARGS)
	@SOAK_EXAMPLES=$(SOAK) $(BIN)/pytest -q -s -x tests/integration/test_trading_machine.py tests/unit/strategy/test_gate.py $(ARGS)

mutants: install ## Breaks each rule of the ledger once and says which breaks no test notices (ARGS="--kind core --only netting")
	@$(BIN)/python -W ignore -m tests.mutants.run $(ARGS)

check: install ## Format, lint, types, import contracts, dead code, docstrings, the API's file
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/vulture
	@$(BIN)/pytest -q -o addopts= tests/unit/test_docstrings.py
	@$(BIN)/python -m functions.api | diff -q - functions/api/openapi.json > /dev/null || { echo "functions/api/openapi.json is not what the API says: make openapi"; exit 1; }

contract: install ## Lints the API's documents (OpenAPI, AsyncAPI) with spectral and redocly, and compiles against clients made of them
	@$(BIN)/python -m tests.contract.lint
	@$(BIN)/python -m tests.contract.clients

openapi: install ## Writes the OpenAPI file anew
	@$(BIN)/python -m functions.api > functions/api/openapi.json

released: ## Notes the checksums of migrations that are released from now on (db/released.txt)
	@cd db/migrations && for file in [0-9]*.sql; do grep -q " $$file$$" ../released.txt || sha256sum "$$file" >> ../released.txt; done

examples: install ## Writes the table of well-known strategies anew (examples/README.md)
	@$(BIN)/python -W ignore -m tests.benchmarks.known

format: install ## Formats and mends what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: install ## Pins and hashes every dependency again
	@layers/requirements/lock.sh

.bench-venv/.installed: layers/requirements/bench.txt | install
	@$(PYTHON) -m venv .bench-venv
	@$(BIN)/uv pip install -q --python .bench-venv/bin/python --require-hashes -r layers/requirements/bench.txt
	@touch $@

bench: install .bench-venv/.installed ## Runs the benchmarks, with ratios against peers and floors (ARGS=name)
	@$(BIN)/python -W ignore tests/benchmarks/run.py $(ARGS)

eval: install ## Asks the evaluation set of a model: GEMINI_API_KEY's, or the offline author (ARGS="--only hard --show")
	@$(BIN)/python -W ignore -m tests.evaluation.run $(ARGS)

screenshots: install ## Takes the README's pictures from a running platform (ARGS="--address http://127.0.0.1:8000")
	@$(BIN)/python localstack/screenshots.py $(ARGS)

lighthouse: install ## Asks Lighthouse about five pages of a running platform (ARGS="--address http://127.0.0.1:8000")
	@$(BIN)/python -W ignore -m tests.lighthouse.audit $(ARGS)

history: install ## Plays the months that a new `make up` opens with (ARGS="--days 5 --to FILE")
	@$(BIN)/python -W ignore -m tests.simulation.history $(ARGS)

measure: install ## Measures what a bar, a session and an order take on the local stack
	@$(BIN)/python -W ignore tests/benchmarks/service_times.py

cost: install ## The bill of a month (USERS=100 SYMBOLS=50)
	@$(BIN)/python -m infra_cdk.capacity.cost --users $(or $(USERS),100) --symbols $(or $(SYMBOLS),50) $(ARGS)

scale: install ## Simulates 10 to 100,000 users and says which limit bites
	@$(BIN)/python -m infra_cdk.capacity.scale $(ARGS)

sizes: install ## Builds every function's packages for Lambda and prints sizes and import times against their budgets
	@$(BIN)/python -W ignore -m tests.benchmarks.sizes

arm64: install ## Imports every handler with Lambda's wheels on Lambda's processor, emulated where this machine has another (Debian)
	@$(BIN)/python -m tests.support.arm64
	@LAMBDA_PACKAGES=1 $(BIN)/pytest tests/infrastructure/test_lambda_packages.py $(ARGS)

# Deploying needs credentials of AWS; Node comes with the environment. STAGE is dev or prod; settings go into ARGS="-c name=value".
CDK := $(BIN)/python -m infra_cdk.cdk
STAGE ?= dev

build/rds-global-bundle.pem:
	@mkdir -p build
	@curl -fsS --retry 3 --max-time 60 -o $@ https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem || { rm -f $@; echo "make deploy: the authorities of RDS could not be fetched; put the bundle at $@"; exit 1; }

bootstrap: install ## Prepares an account and region for CDK, once, and makes the roles of services that fail without
	@$(CDK) bootstrap -c stage=$(STAGE) $(ARGS)
	@$(BIN)/python -m infra_cdk.service_roles --stage $(STAGE) $(ARGS)

preflight: install ## Looks whether a deployment can succeed: credentials, quotas, roles, zones and what they have, Docker
	@$(BIN)/python -m infra_cdk.preflight --stage $(STAGE) $(ARGS)

deploy: preflight build/rds-global-bundle.pem ## Deploys a stage and trades one share of paper there (STAGE=dev ARGS="-c alarm_email=you@example.com")
	@$(CDK) deploy 'Stratforge/*' -c stage=$(STAGE) $(ARGS)
	@$(BIN)/python -m infra_cdk.secrets check --stage $(STAGE) $(ARGS)
	@$(BIN)/python -m infra_cdk.smoke --stage $(STAGE) $(ARGS)

smoke: install ## Buys one share of paper on a stage and sells it again, and reads both back
	@$(BIN)/python -m infra_cdk.smoke --stage $(STAGE) $(ARGS)

secrets: install ## Asks for the keys of Alpaca and Gemini and stores them in the stage's secrets
	@$(BIN)/python -m infra_cdk.secrets enter --stage $(STAGE) $(ARGS)

operator: install ## Makes an account an operator (EMAIL=ada@example.com; COMMAND=confirm confirms its address, COMMAND=revoke takes it away, COMMAND=list lists)
	@$(BIN)/python -m infra_cdk.operators $(or $(COMMAND),grant) --email "$(EMAIL)" --stage $(STAGE) $(ARGS)

corporate-actions: install ## Lists corporate actions that wait (COMMAND=approve or dismiss ID=… WHY="…"; COMMAND=enter with TERMS="symbol=… kind=… effective_on=… ratio=…" too)
	@$(BIN)/python -m infra_cdk.corporate_actions $(or $(COMMAND),list) --id "$(ID)" --why "$(WHY)" --terms "$(TERMS)" --stage $(STAGE) $(ARGS)

audit: install ## Recomputes every balance, position and profit from trades, fees, splits and the broker's statement
	@$(BIN)/python -m infra_cdk.audit --stage $(STAGE) $(ARGS)

break-glass: install ## psql in the stage's database, logged (WHY="what happened")
	@$(BIN)/python -m infra_cdk.break_glass --why "$(WHY)" --stage $(STAGE) $(ARGS)

rehearse-restore: install ## Restores the stage's database beside it, has its ledger examined, and deletes it again
	@$(BIN)/python -m infra_cdk.restore --stage $(STAGE) $(ARGS)

vulnerabilities: install ## Looks for known vulnerabilities in what every function ships
	@for kind in sandbox engine broker api mcp assistant ingestor; do echo "$$kind:"; \
		$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes --progress-spinner off -r layers/requirements/$$kind.txt || exit 1; done

sbom: install ## Writes what every function ships as CycloneDX into build/sbom
	@mkdir -p build/sbom
	@for kind in sandbox engine broker api mcp assistant ingestor; do \
		$(BIN)/uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements layers/requirements/$$kind.txt -o build/sbom/$$kind.cdx.json || exit 1; done

drift: install ## Says what in a stage is no longer what was deployed
	@$(CDK) drift 'Stratforge/*' --fail -c stage=$(STAGE) $(ARGS)

destroy: install ## Deletes a stage; asks first
	@$(CDK) destroy 'Stratforge/*' -c stage=$(STAGE) $(ARGS)

localstack-install: install ## Builds LocalStack's own environment, for running it without Docker
	@$(BIN)/python -m without_docker.environment

localstack-test: localstack-install ## Deploys to LocalStack without Docker and trades through it
	@$(BIN)/pytest tests/e2e/test_localstack.py $(ARGS)

localstack-up: ## LocalStack 4.14.0 and PostgreSQL with Docker, for people who have it
	@docker compose -f localstack/compose.yaml up $(ARGS)

clean: ## Removes what was built, and the local state
	@rm -rf build cdk.out .stratforge .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
