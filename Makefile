# Thin on purpose: what a target does stands in tools/. Every target works in a fresh clone.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help setup setup-tests run build test check e2e bench fuzz fmt

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## install what is missing to build and run (quick when nothing is)
	@tools/setup.sh

setup-tests: ## setup, and what the tests need: Chromium, PostgreSQL
	@tools/setup.sh --tests

run: setup ## build and start the demo on http://localhost:3000; more arguments: make run ARGS="--traffic"
	@tools/run.sh $(ARGS)

build: setup ## the release binary and its site, ready to copy, in target/dist
	@tools/build.sh release

test: setup-tests ## everything: checks, tests on SQLite and on PostgreSQL, the browser tests
	@tools/test.sh

check: setup ## format, lints, docs, crate boundaries, licences, size of the browser bundle
	@tools/check.sh

e2e: setup-tests ## the browser tests alone; some of them: make e2e ARGS="main_job"
	@tools/e2e.sh $(ARGS)

bench: setup ## measure: pages, sign-ins, the gateway beside others, its latency; one: make bench ARGS="gateway"
	@tools/bench.sh $(ARGS)

fuzz: setup ## parsers against naive models, a minute each (FUZZ_S=600: ten); one: make fuzz ARGS="a_path"
	@tools/fuzz.sh $(ARGS)

fmt: setup ## format the code
	@source tools/env.sh && say "Format" && cargo fmt --all
