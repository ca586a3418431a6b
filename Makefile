# ngx_http_vcita_oauth_module: `make help` says what there is.  Each target
# installs first what it needs and this machine lacks.

SHELL  = /bin/bash
DESTDIR =

NAME   = ngx_http_vcita_oauth_module
MODULE = build/$(NAME).so

# an nginx of your own: its binary and its sources, as in:
# make install NGINX_BINARY=/usr/local/nginx/sbin/nginx NGINX_SRC=/src/nginx-1.30.4
NGINX_BINARY ?=
NGINX_SRC ?=

# where that nginx, else the one installed here, looks for modules
MODULES_PATH = $(shell . tools/lib.sh; \
                 NGINX_BINARY='$(NGINX_BINARY)' modules_path)

# test files, as in: make test FILES=t/gate.t
FILES =

# fuzz targets, and how long each runs, as in: make fuzz TARGETS="json cookie"
TARGETS =
FUZZ_SECONDS = 60

# what make mutants runs, as in: make mutants MUTANTS="gate-runs-first"
MUTANTS =

# what make storm runs, as in: make storm STORM="browsers=500 seconds=5 rate=20"
STORM =

# what make docs-test runs, as in: make docs-test DOCS=docs/security.md
DOCS =

# what make matrix runs, as in: make matrix SUITES="trixie sid"
SUITES =

.DEFAULT_GOAL = all
.PHONY: help all unit docs-test test screenshots test-asan test-valgrind fuzz mutants storm soak matrix \
        check demo fleet install clean bench bench-scale bench-check
.PHONY: deb test-deb test-install test-docker

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) \
	    | while IFS='|' read -r target text; do \
	          printf '  make %-13s %s\n' "$$target" "$$text"; \
	      done


# --- build --------------------------------------------------------------------

all: ## build/ngx_http_vcita_oauth_module.so for the nginx installed here
	@tools/deps.sh build
	@tools/build.sh

install: all ## into the modules folder of that nginx (honours DESTDIR)
	@[ -n "$(MODULES_PATH)" ] || { echo "no modules folder known:" \
	    "make install MODULES_PATH=..." >&2; exit 1; }
	@install -D -s -m 644 $(MODULE) $(DESTDIR)$(MODULES_PATH)/$(NAME).so
	@echo "install: installed $(DESTDIR)$(MODULES_PATH)/$(NAME).so"

deb: ## the Debian package, in build/deb/
	@tools/deps.sh deb
	@tools/deb.sh

test-deb: deb ## that package in a clean Debian: installed, upgraded, purged
	@tools/deps.sh matrix
	@tools/deb-test.sh

test-install: ## make install for an nginx built by hand, and one with the gate in it
	@tools/deps.sh install
	@tools/install-test.sh

test-docker: ## the Dockerfile, by buildah, on what stands in for the image
	@tools/deps.sh docker
	@tools/docker-test.sh

clean: ## everything that was built
	rm -rf build t/servroot


# --- test ---------------------------------------------------------------------

check: ## what can be said of the sources without running them, in seconds
	@tools/deps.sh build
	@tools/build.sh
	@tools/check.sh

test: ## all tests, or make test FILES="t/gate.t"
	@tools/deps.sh test
	@tools/test-build.sh $(FILES)
	@tools/test.sh $(FILES)

unit: ## the unit tests alone
	@$(MAKE) --no-print-directory test FILES=t/unit.t

screenshots: ## docs/screenshots: pages, demo, preflight and dashboard, by t/browser*.t
	@tools/deps.sh screenshots
	@tools/build.sh
	@VCITA_SCREENSHOTS=docs/screenshots tools/test.sh t/browser.t t/browser-demo.t t/browser-dashboard.t

test-asan: ## all tests under AddressSanitizer and UBSan (first time: minutes)
	@tools/deps.sh asan
	@tools/asan.sh $(FILES)

test-valgrind: ## a part of the tests under valgrind, which must find nothing
	@tools/deps.sh valgrind
	@tools/test-build.sh $(or $(FILES),t/store.t)
	@tools/valgrind.sh $(FILES)

fuzz: ## fuzzes what reads foreign bytes: make fuzz FUZZ_SECONDS=60 TARGETS=json
	@tools/deps.sh fuzz
	@FUZZ_SECONDS="$(FUZZ_SECONDS)" tools/fuzz.sh $(TARGETS)

mutants: ## breaks each defence in turn; a test must see it
	@tools/deps.sh test
	@tools/mutants.sh $(MUTANTS)

storm: ## 2,000 browsers within 10 s at vcita's 8 calls a second (14 minutes)
	@tools/deps.sh test
	@tools/build.sh
	@tools/storm.sh $(STORM)

soak: ## 5,000 logins and 5,000 aborted ones: does the worker grow? (minutes)
	@tools/deps.sh test
	@tools/build.sh
	@tools/soak.sh

docs-test: ## every command of README.md and docs/, in a clean Debian (minutes)
	@tools/deps.sh docs
	@tools/docs-test.sh $(DOCS)

matrix: ## all tests against nginx 1.22, 1.26, 1.30, or make matrix SUITES=trixie
	@FILES="$(FILES)" tools/matrix.sh $(SUITES)


# --- measure ------------------------------------------------------------------

bench: ## what the gate costs, beside its peers (BENCH_QUICK=1: two minutes)
	@tools/deps.sh bench
	@tools/build.sh
	@perl -Ibench bench/bench.pl

bench-scale: ## up to a million sessions, 10,000 connections (BENCH_QUICK=1: one minute)
	@tools/deps.sh bench
	@tools/build.sh
	@tools/build.sh t/slow
	@perl -Ibench bench/scale.pl

bench-check: ## instructions per request, against bench/instructions.txt
	@tools/deps.sh callgrind
	@tools/build.sh
	@perl -Ibench bench/instructions.pl
	@perl -Ibench bench/growth.pl


# --- see it work --------------------------------------------------------------

demo: ## one whole login, hop by hop, and a site to try (DEMO_EXIT=1: ends)
	@tools/deps.sh demo
	@tools/build.sh
	@examples/demo/demo.sh

fleet: ## two nginx, three Redis, three Sentinels: the master is killed (a minute)
	@tools/deps.sh fleet
	@tools/build.sh
	@tools/fleet.sh
