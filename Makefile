# The portal on this machine. `make up` and `make test` are all that is needed to begin.
# Settings: NAME (of the stack, default main), PORT (first of five ports), REGION (GB/T 2260), DEMO=no.

PYTHON ?= python3
STACK = @$(PYTHON) -m stack
OPTIONS = --name "$(NAME)" --port "$(PORT)" --region "$(REGION)" --demo "$(DEMO)"

LOCK = .run/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: help up down clean logs token ckan test lint lock i18n docs $(addprefix bench-,audit catalogue gate harvest inbox pages plan record search takedown)

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: ## Start the portal with demo data and all its servers
	$(STACK) up $(OPTIONS)

down: ## Stop it; data stay
	$(STACK) down $(OPTIONS)

clean: ## Stop it and delete its data
	$(STACK) clean $(OPTIONS)

logs: ## Follow its logs
	$(STACK) logs $(OPTIONS)

token: ## Print an API token of the demo's sysadmin
	$(STACK) token $(OPTIONS)

ckan: ## Run the ckan command in it: make ckan ARGS='nmgdata audit verify'
	$(STACK) ckan $(OPTIONS) -- $(ARGS)

test: ## Run all tests; ARGS go to pytest
	$(STACK) test $(OPTIONS) -- $(ARGS)

lint: ## Check style and types
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/pyright

lock: ## Pin all Python packages anew after a requirements*.in has changed
	$(PYTHON) -m venv .run/lock && .run/lock/bin/pip install -q uv==0.13.9
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -c requirements.txt -o requirements-dev.txt
	$(LOCK) stack/requirements.in -c requirements.txt -o stack/requirements.txt

i18n: ## Refresh the Chinese catalogue after a string has changed
	.venv/bin/python tools/i18n.py extract
	.venv/bin/python tools/i18n.py update
	.venv/bin/python tools/i18n.py compile

docs: ## Write the parts of the documents that are drawn from the code
	.venv/bin/python tools/docs.py

bench-pages: ## Measure pages and API beside plain CKAN: make bench-pages N=1000
	$(call BENCH,benchmarks/pages/run.py --datasets $(N))

bench-gate: ## Measure decisions and downloads beside plain CKAN
	$(call BENCH,benchmarks/gate/run.py --datasets $(N))

bench-audit: ## Measure the audit chain: writers alone and at once, verification
	$(call BENCH,benchmarks/audit/run.py)

bench-catalogue: ## Measure the whole catalogue as a file beside ckanext-dcat: make bench-catalogue N=100000
	$(call BENCH,benchmarks/catalogue/run.py --datasets $(N))

bench-harvest: ## Measure harvests beside stock CKAN: make bench-harvest N=10000 ARGS='--stock-datasets 300'
	$(call BENCH,benchmarks/harvest/run.py --datasets $(N))

bench-inbox: ## Measure "what waits for me" with 100,000 cases
	$(call BENCH,benchmarks/inbox/run.py --datasets $(N))

bench-record: ## Measure the public record of applications with 100,000 of them
	$(call BENCH,benchmarks/record/run.py --datasets $(N))

bench-plan: ## Measure pages and files of the plans of a region: 72,000 items
	$(call BENCH,benchmarks/plan/run.py)

bench-search: ## Measure how well the search finds, beside stock CKAN
	$(call BENCH,-m benchmarks.lib.servers benchmarks/search/run.py)

bench-takedown: ## Measure a takedown under load: make bench-takedown ARGS='--suspensions 100'
	@$(PYTHON) -m stack up --name bench-takedown --port "$(or $(PORT),6480)" --demo no --tests >&2 && \
	{ .venv/bin/python benchmarks/takedown/run.py $(ARGS); status=$$?; \
	$(PYTHON) -m stack down --name bench-takedown >&2; exit $$status; }

# Benchmarks have a stack of their own, which is stopped again: `make clean NAME=bench` deletes its data.
N ?= 1000
define BENCH
@$(PYTHON) -m stack up --name bench --port "$(or $(PORT),5400)" --demo no --tests >&2 && \
{ .venv/bin/python $(1) $(ARGS); status=$$?; $(PYTHON) -m stack down --name bench >&2; exit $$status; }
endef
