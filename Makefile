# A bare machine with Python 3.11 or newer, make and git is enough. `make help` lists everything.

.DEFAULT_GOAL := help
.PHONY: help run reset test e2e lint format messages bench report-guest-timing lock setup-run setup-test bench-autopay bench-chat bench-pages bench-staff soak look-pdfs

PORT ?= 8000
WORKERS ?= 2
COUNT ?= 10000
MEMBERS ?= 1000000
WORLDS ?= 400
BIN := .venv/bin
PRODUCT := kppay common accounts billing payments autopay support staff
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links pyproject.toml

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup-run ## Run the whole product on this machine (PORT=8000)
	@exec $(BIN)/python -m demo.up --port "$(PORT)"

reset: ## Throw the demo's data away
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m demo.reset; else rm -rf var/demo; fi

test: setup-test ## Run every test (WORKERS=2)
	@$(BIN)/python -m pytest -n $(WORKERS)

e2e: setup-test ## Run the browser tests against the whole running product
	@$(BIN)/python -m pytest tests/e2e -n 0

lint: setup-test ## Check style, types, imports, templates, migrations and production settings
	@BIN=$(BIN) sh bin/lint $(PRODUCT)

format: setup-test ## Lay out Python and templates
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/djlint --reformat --quiet templates || true

bench: setup-test ## Measure what a charge costs, against a bare call of Stripe's SDK
	@$(BIN)/python -m bench.charge

bench-autopay: setup-test ## Measure a run of autopay against the rate (COUNT=10000)
	@$(BIN)/python -m bench.autopay --count "$(COUNT)"

soak: setup-test ## Play random months of autopay (WORLDS=400, SEED= to play the same again)
	@seed=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; echo "SEED=$$seed"; \
	KPPAY_SOAK_WORLDS=$(WORLDS) KPPAY_SOAK_SEED=$$seed \
		$(BIN)/python -m pytest tests/autopay/test_random_worlds.py -n "$(WORKERS)"

bench-chat: setup-test ## Measure what a thousand open chats cost
	@$(BIN)/python -m bench.chat

bench-pages: setup-test ## Measure a member's pages with 20 bills and with 2,000
	@$(BIN)/python -m bench.pages

bench-staff: setup-test ## Measure the desk at the size of a plan, five bills a member (MEMBERS=1000000)
	@$(BIN)/python -m bench.staff --members "$(MEMBERS)"

report-guest-timing: setup-test ## Show that time tells no guest what was wrong with a look-up
	@$(BIN)/python -m bench.guest_timing

look-pdfs: setup-test ## Draw every document, in both languages, as pictures in var/look-pdfs
	@rm -rf var/look-pdfs
	@KPPAY_LOOK_PDFS=var/look-pdfs $(BIN)/python -m pytest tests/documents -n 0 -q; \
	result=$$?; find var/look-pdfs -type f | sort; exit $$result

messages: setup-test ## Collect the words to translate, compile the translations, list what is missing
	@$(BIN)/python bin/messages.py

lock: ## Pin every dependency of pyproject.toml with its hash (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	$(LOCK) -o requirements.lock
	$(LOCK) --extra demo -o requirements-demo.lock
	$(LOCK) --extra demo --extra dev -o requirements-dev.lock

setup-run:
	@python=$$(PYTHON="$(PYTHON)" sh bin/python) && "$$python" bin/setup.py run

setup-test:
	@python=$$(PYTHON="$(PYTHON)" sh bin/python) && "$$python" bin/setup.py test
