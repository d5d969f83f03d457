# What one does with this project. PYTHON=... chooses another interpreter.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-again test-browser test-long fuzz chaos chaos-long chaos-cluster bench bench-long bench-lists up down lock audit sbom clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

install: ## Set up .venv, the command cqrs, MongoDB and RabbitMQ (seconds the second time)
	@scripts/install.sh

demo: install ## Set up everything and show the whole story
	@scripts/demo.sh

test: install ## Lint, types and all tests
	@rm -f .pytest_cache/v/cache/lastfailed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/basedpyright
	.venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder || \
	  { code=$$?; [ $$code -eq 1 ] || rm -f .pytest_cache/v/cache/lastfailed; exit $$code; }

test-again: install ## Run again, alone, what failed in the last make test, if it was at most three tests
	@scripts/test_again.sh

test-browser: install ## The operations console in a real Chromium, against a real stack (about 4 minutes)
	@scripts/install_chromium.sh
	.venv/bin/pytest tests/browser

test-long: install ## What takes long: the CDNOW import, the demo with its faults, many kills, orders under fire, elections (about 17 minutes)
	.venv/bin/pytest tests/long

fuzz: install ## Send 20,000 random messages and as many requests, and see that nobody crashes (about 20 minutes)
	.venv/bin/pytest tests/fuzz -s --timeout 3600

chaos: install ## Break everything that can break, under load, and see that nothing is lost (about 9 minutes)
	.venv/bin/python -m tests.chaos

chaos-long: install ## The same with every fault and three seeds (about 2 hours)
	.venv/bin/python -m tests.chaos --long

chaos-cluster: install ## Kill, freeze and cut off nodes of clusters under load (about 8 minutes)
	.venv/bin/python -m tests.chaos.cluster

bench: install ## Measure, against raw ceilings and peers, and draw it (about 15 minutes)
	.venv/bin/python -m bench
	.venv/bin/python -m bench.plots

bench-long: install ## Measure with 10 million commits, memory over an hour, rebuilds of 2 million events (some hours; COMMITS=, MINUTES=, EVENTS=, ONLY=growth,memory,soak)
	.venv/bin/python -m bench.long --commits $(or $(COMMITS),10000000) --minutes $(or $(MINUTES),60) --events $(or $(EVENTS),2000000) --only "$(ONLY)"
	.venv/bin/python -m bench.plots

bench-lists: install ## Measure pages of orders among a million of them (about 15 minutes; ORDERS=)
	.venv/bin/python -m bench.listing --orders $(or $(ORDERS),1000000)

up: install ## Run the stack in this terminal
	.venv/bin/cqrs up

down: ## Stop the stack
	.venv/bin/cqrs down

lock: ## Write the lock files anew (needs uv)
	scripts/lock.sh

audit: ## Ask what is known against the packages of the lock files (offline it says so)
	@scripts/audit.sh audit

sbom: ## Write build/sbom.json: what the image is made of, for CycloneDX
	@scripts/audit.sh sbom

clean: ## Stop the stack; delete its data, .venv and caches
	@[ ! -x .venv/bin/cqrs ] || .venv/bin/cqrs down
	rm -rf .leveret build .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
