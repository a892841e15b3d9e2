# Kelos. `make help` lists the targets; docs/architecture.md says what is built.
#
#   STRICT=1                      warnings are errors
#   SANITIZE=address,undefined    instrumented, in a build folder of its own
#   CC=clang                      likewise
#   PREFIX=/usr/local DESTDIR=    for install

PREFIX  ?= /usr/local
VERSION ?= $(shell git describe --tags --match 'v*' --exact-match 2>/dev/null || echo latest)
FUZZ_S  ?= 60
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

comma := ,
BUILD ?= build$(if $(filter-out cc gcc,$(notdir $(CC))),-$(notdir $(CC)))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
OBJ   := $(BUILD)/obj

# ---- flags ---------------------------------------------------------------------------

# Asked once, and only when first needed: `make deps all` installs the answers on its way.
once = $(eval $(1) := $(shell $(2)))$($(1))
PACKAGES   = libczmq libzmq libcurl yaml-0.1 libssl libcrypto jansson yajl sqlite3 libmicrohttpd gnutls libseccomp \
             $(call once,MSGPACK,pkg-config --exists msgpack && echo msgpack || echo msgpack-c)
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags $(PACKAGES))
PKG_LIBS   = $(call once,PKG_LIBS,pkg-config --libs $(PACKAGES))
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
CFLAGS   ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. -I$(BUILD) -fPIE -fno-omit-frame-pointer $(WARNINGS) \
            $(if $(STRICT),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -DKELOS_SANITIZED=1) \
            $(if $(findstring address,$(SANITIZE)),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong \
            $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,--as-needed -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
LIBS      = $(PKG_LIBS) -lm

# ---- what is built from what -----------------------------------------------------------

objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)/*.c $(1)/*/*.c))
# Files of a folder that hold a main() besides main.c.
TOOLS := supervisor/bus_tap.c statuswriter/capture.c local/runner/monitor_main.c
parts = $(filter-out $(OBJ)/$(1)/main.o $(patsubst %.c,$(OBJ)/%.o,$(TOOLS)),$(call objects,$(1)))

WORKERS  := watcher reconciler spawner statuswriter
LOCALS   := apiserver runner
PROGRAMS := kelos kelos-supervisor kelos-bus kelos-capture kelos-demo-forge kelos-monitor \
            $(addprefix kelos-,$(WORKERS) $(LOCALS))
BINARIES := $(addprefix $(BUILD)/bin/,$(PROGRAMS))
SHARE    := $(BUILD)/share/kelos

all: $(BINARIES) $(BUILD)/bin/axon share ## build every program, into build/bin

$(BUILD)/bin/kelos:            $(call objects,cli)
$(BUILD)/bin/kelos-supervisor: $(OBJ)/supervisor/main.o $(call parts,supervisor)
$(BUILD)/bin/kelos-bus:        $(OBJ)/supervisor/bus_tap.o
$(BUILD)/bin/kelos-capture:    $(addprefix $(OBJ)/statuswriter/,capture.o setup.o agentlog.o outputs.o)
$(BUILD)/bin/kelos-monitor:    $(addprefix $(OBJ)/local/runner/,monitor_main.o monitor.o confine.o rootfs.o cgroup.o logsink.o exitfile.o launch.o)
$(BUILD)/bin/kelos-demo-forge: $(call objects,local/forge)
$(foreach w,$(WORKERS),$(eval $(BUILD)/bin/kelos-$(w): $(OBJ)/$(w)/main.o $(call parts,$(w))))
$(foreach w,$(LOCALS),$(eval $(BUILD)/bin/kelos-$(w): $(OBJ)/local/$(w)/main.o $(call parts,local/$(w))))

$(BINARIES): $(BUILD)/libkelos.a
	@mkdir -p $(@D)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libkelos.a $(LIBS)

# The same program under its older name (cli/dialect.h).
$(BUILD)/bin/axon: $(BUILD)/bin/kelos
	@ln -sf kelos $@

$(BUILD)/libkelos.a: $(call objects,proto) $(call objects,common)
	@mkdir -p $(@D)
	@rm -f $@
	@echo '  AR   $@'
	$(Q)$(AR) rcs $@ $^

$(OBJ)/%.o: %.c | $(BUILD)/version.h $(filter deps,$(MAKECMDGOALS))
	@mkdir -p $(@D)
	@echo '  CC   $<'
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define KELOS_VERSION "%s"\n' '$(VERSION)' | cmp -s - $@ || printf '#define KELOS_VERSION "%s"\n' '$(VERSION)' > $@

# What an installed copy finds in share/kelos: the same shape beside build/bin.
share:
	@new=$(SHARE).$$$$; trap 'rm -rf "$$new"' EXIT; mkdir -p "$$new" && \
	cp -R deploy/crds deploy/agents deploy/manifests deploy/chart deploy/kustomize examples "$$new/" && rm -f "$$new"/agents/*.sh "$$new"/agents/Containerfile && \
	for f in "$$new"/agents/*/kelos_entrypoint.sh; do \
	  install -D -m 755 deploy/agents/gh.sh "$${f%/*}/bin/gh" && \
	  install -m 644 deploy/agents/kelos_agent.sh "$${f%/*}/" || exit 1; done && \
	{ diff -rq "$$new" $(SHARE) > /dev/null 2>&1 || { rm -rf $(SHARE) && mv "$$new" $(SHARE); }; }

define install_to
	install -d $(1)/bin $(1)/libexec/kelos $(1)/share
	install -m 0755 $(BUILD)/bin/kelos $(1)/bin/kelos
	ln -sf kelos $(1)/bin/axon
	install -m 0755 $(filter-out $(BUILD)/bin/kelos,$(BINARIES)) $(1)/libexec/kelos/
	cp -R $(SHARE) $(1)/share/
endef
install: all ## install to $(DESTDIR)$(PREFIX)
	$(call install_to,$(DESTDIR)$(PREFIX))

# ---- images ----------------------------------------------------------------------------

# The whole file system of the image: the Containerfile's builder makes it by this rule, too.
IMAGE ?= $(BUILD)/image
IMAGE_NAME ?= kelos-dev/kelos-controller:$(VERSION)
image-tree: all
	@rm -rf $(IMAGE)/tree $(IMAGE)/rootfs
	$(Q)$(call install_to,$(IMAGE)/tree/usr)
	@# Local mode's own programs have no use there; spawners are begun by this name.
	@cd $(IMAGE)/tree/usr/libexec/kelos && rm kelos-apiserver kelos-runner kelos-monitor kelos-demo-forge
	@ln -s usr/libexec/kelos/kelos-spawner $(IMAGE)/tree/kelos-spawner
	@deploy/image/closure $(IMAGE)/rootfs $(IMAGE)/tree
image-rootfs: image-tree ## the image for a cluster, as an OCI layout and a tar, without any daemon
	@deploy/image/pack deploy/image/Containerfile $(IMAGE)/rootfs $(IMAGE) $(IMAGE_NAME)
IMAGES ?= kelos-controller claude-code codex gemini opencode demo cursor
image: ## the images with podman, buildah or docker, from their Containerfiles: IMAGES="kelos-controller codex"
	@VERSION=$(VERSION) sh deploy/image/build $(IMAGES)
check-image: ## what those images promise, asked of each of them; skipped where nothing can build one
	@VERSION=$(VERSION) BUILD=$(BUILD) sh deploy/image/check $(IMAGES)

# A release of this machine's architecture: what deploy/install.sh installs.
DIST     ?= $(BUILD)/dist
DIST_TAR  = kelos-linux-$(patsubst x86_64,amd64,$(patsubst aarch64,arm64,$(shell uname -m))).tar.gz
RELEASES ?=
dist: ## a release: the tarball, its checksums and the script that installs it, in build/dist (RELEASES=URL)
	@rm -rf $(DIST)/tree && mkdir -p $(DIST)
	@$(MAKE) --no-print-directory install BUILD=$(BUILD) DESTDIR=$(abspath $(DIST))/tree PREFIX= > /dev/null
	@cp LICENSE $(DIST)/tree/share/kelos/
	@find $(DIST)/tree/bin $(DIST)/tree/libexec -type f -exec strip {} +
	@tar -C $(DIST)/tree --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$${SOURCE_DATE_EPOCH:-0} -cf - . | gzip -9n > $(DIST)/$(DIST_TAR)
	@rm -rf $(DIST)/tree
	@sed 's|^RELEASES=""|RELEASES="$(RELEASES)"|' deploy/install.sh > $(DIST)/install.sh && chmod 755 $(DIST)/install.sh
	@cd $(DIST) && sha256sum $(DIST_TAR) install.sh > checksums.txt && ls -l $(DIST_TAR) install.sh checksums.txt

deps: ## install the Debian packages that building and testing need
	sh tests/support/deps.sh

demo: all ## three issues become three agent runs, on this machine alone
	$(BUILD)/bin/kelos demo

# ---- tests -----------------------------------------------------------------------------

TEST_SRC := $(wildcard tests/proto/test_*.c tests/common/test_*.c tests/supervisor/test_*.c tests/watcher/test_*.c \
              tests/reconciler/test_*.c tests/spawner/test_*.c tests/statuswriter/test_*.c tests/cli/test_*.c \
              tests/local/apiserver/test_*.c tests/local/runner/test_*.c tests/local/forge/test_*.c)
TESTS    := $(patsubst %.c,$(BUILD)/%,$(TEST_SRC))
SUPPORT  := $(filter-out %_server.o,$(call objects,tests/support))
SERVERS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/support/*_server.c tests/fault/*.c tests/bench/*.c))

# tests/reconciler/test_x.c links the parts of reconciler/.
folder_of = $(patsubst tests/%,%,$(patsubst %/,%,$(dir $(1))))
define test_rule
$(BUILD)/$(basename $(1)): $(OBJ)/$(basename $(1)).o $(call parts,$(call folder_of,$(1))) $(SUPPORT) $(BUILD)/libkelos.a
	@mkdir -p $$(@D)
	@echo '  LINK $$@'
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(BUILD)/libkelos.a $$(LIBS) -lcriterion
endef
$(foreach t,$(TEST_SRC),$(eval $(call test_rule,$(t))))

$(SERVERS): $(BUILD)/%: $(OBJ)/%.o $(BUILD)/libkelos.a
	@mkdir -p $(@D)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libkelos.a $(LIBS)
$(BUILD)/tests/bench/plan: $(call parts,reconciler)
$(BUILD)/tests/support/promcheck_server: $(OBJ)/tests/support/exposition.o
$(BUILD)/tests/support/worker_server: $(OBJ)/tests/support/misdeed.o
# The real spawner that also tries what it must not be able to.
NOSY := $(BUILD)/tests/spawner/nosy
$(NOSY): $(OBJ)/tests/spawner/nosy.o $(OBJ)/tests/support/misdeed.o $(OBJ)/spawner/main.o $(call parts,spawner) $(BUILD)/libkelos.a
	@mkdir -p $(@D)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=worker_run -o $@ $(filter %.o,$^) $(BUILD)/libkelos.a $(LIBS)

# The reconciler over a model of the API: its own parts, all that reaches outside is faked.
MODEL_WRAPS := clock_mono_ms clock_wall_ms worker_after worker_cancel worker_quarantined worker_busy worker_idle \
               worker_drained worker_metrics metrics_add metrics_set metrics_observe kube_call kube_cancel kube_full task_decide
MODEL_LEFT  := $(addprefix $(OBJ)/reconciler/,writes.o account.o objects.o tokenend.o auth/credentials.o auth/revoke.o plan/sources.o plan/sourcegroup.o plan/sourcehear.o plan/sourcetell.o plan/spawnersource.o)
MODEL_PARTS  = $(OBJ)/tests/reconciler/property.o $(call objects,tests/reconciler/model) $(SUPPORT)
PROPERTY    := $(BUILD)/tests/reconciler/property
$(PROPERTY): $(MODEL_PARTS) $(filter-out $(MODEL_LEFT),$(call parts,reconciler)) $(BUILD)/libkelos.a
	@mkdir -p $(@D)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) $(addprefix -Wl$(comma)--wrap=,$(MODEL_WRAPS)) -o $@ $(filter %.o,$^) $(BUILD)/libkelos.a $(LIBS) -lcriterion

# The real reconciler that dies of some Tasks.
POISONED := $(BUILD)/tests/reconciler/poisoned
$(POISONED): $(OBJ)/tests/reconciler/poisoned.o $(OBJ)/reconciler/main.o $(call parts,reconciler) $(BUILD)/libkelos.a
	@mkdir -p $(@D)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=task_decide,--wrap=prompt_render,--wrap=task_view_read,--wrap=workspace_view_read -o $@ $(filter %.o,$^) $(BUILD)/libkelos.a $(LIBS)

FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_NAMES  := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
FUZZ_REPLAY := $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz/fuzz_%)
FUZZERS     := $(FUZZ_NAMES:%=$(BUILD)/fuzzers/%)
# What a target needs beyond libkelos.
fuzz_needs_apicel     := $(call parts,local/apiserver)
fuzz_needs_apipatch   := $(call parts,local/apiserver)
fuzz_needs_apirequest := $(call parts,local/apiserver)
fuzz_needs_credential := $(call parts,reconciler)
fuzz_needs_outputs    := $(call parts,statuswriter)
fuzz_needs_regex      := $(filter $(OBJ)/local/apiserver/schema/regex%,$(call parts,local/apiserver))
fuzz_needs_render     := $(filter $(OBJ)/cli/render% $(OBJ)/cli/escape.o,$(call objects,cli))
fuzz_needs_resume     := $(filter $(OBJ)/cli/resume.o,$(call objects,cli))
fuzz_needs_source     := $(call parts,spawner)
fuzz_needs_pull       := $(call parts,spawner)
fuzz_needs_status     := $(filter-out $(OBJ)/cli/main.o,$(call objects,cli))
fuzz_needs_text       := $(call parts,reconciler)
fuzz_needs_view       := $(call parts,reconciler)
# fuzz_x replays saved inputs in every check; fuzzers/x is driven by libFuzzer.
define fuzz_rule
$(BUILD)/tests/fuzz/fuzz_$(1): $(OBJ)/tests/fuzz/fuzz_$(1).o $(OBJ)/tests/fuzz/replay.o $(fuzz_needs_$(1)) $(BUILD)/libkelos.a
	@mkdir -p $$(@D)
	@echo '  LINK $$@'
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $(BUILD)/libkelos.a $$(LIBS)
$(BUILD)/fuzzers/$(1): $(OBJ)/tests/fuzz/fuzz_$(1).o $(fuzz_needs_$(1)) $(BUILD)/libkelos.a
	@mkdir -p $$(@D)
	@echo '  LINK $$@'
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $(BUILD)/libkelos.a $$(LIBS)
endef
$(foreach f,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(f))))

tests: all $(TESTS) $(SERVERS) $(NOSY) $(POISONED) $(FUZZ_REPLAY) $(PROPERTY) ## build the tests without running them

check: tests ## build and run every test; the last line counts them
	@BUILD=$(BUILD) SANITIZE=$(SANITIZE) sh tests/run.sh

check-unit: tests ## unit tests and saved fuzz inputs only
	@BUILD=$(BUILD) SANITIZE=$(SANITIZE) sh tests/run.sh unit

kube-assets: ## build the real API server, kubelet and Helm once and fetch containerd, into a cache outside of this folder
	@sh tests/kube/assets.sh --build
	@sh tests/kube/assets.sh --node --build
	@sh tests/kube/runtime.sh --fetch
	@sh tests/kube/helm.sh --build

check-kube: tests kube-assets ## integration tests against the real API server, with and without streaming lists
	@BUILD=$(BUILD) sh tests/kube/check.sh
	@BUILD=$(BUILD) sh tests/kube/check.sh --feature-gates=WatchList=false

check-node: all ## the controller and a Task in Pods of the real kubelet, containerd and runc (root)
	@BUILD=$(BUILD) sh tests/kube/node.sh

check-agents: all $(SERVERS) ## the real Claude Code against a scripted model server
	@BUILD=$(BUILD) sh tests/agents/run.sh

agents: ## install the agents' own command lines into a cache, from npm
	sh tests/agents/install.sh

golden: $(addprefix $(BUILD)/tests/reconciler/test_,job goldenrows workload) ## write the golden Jobs and workloads anew; read the difference
	for t in $^; do KELOS_GOLDEN=write $$t > /dev/null || exit; done
	@git --no-pager diff --stat -- tests/reconciler/golden

property: $(PROPERTY) ## random interleavings over a model of the API: STEPS=1000000 SEED=1
	$(PROPERTY) --steps $(or $(STEPS),1000000) --seed $(or $(SEED),1)

mutations: $(PROPERTY) ## twelve faults put into the reconciler, each of which the property test must find
	@BUILD=$(BUILD) CC="$(CC)" FLAGS="$(ALL_CFLAGS)" LDFLAGS="$(ALL_LDFLAGS) $(addprefix -Wl$(comma)--wrap=,$(MODEL_WRAPS))" \
	  LIBS="$(BUILD)/libkelos.a $(LIBS) -lcriterion" \
	  OBJECTS="$(MODEL_PARTS) $(filter-out $(MODEL_LEFT),$(call parts,reconciler))" sh tests/reconciler/mutations.sh

fuzz: ## run every fuzz target for FUZZ_S seconds under AddressSanitizer
	@$(MAKE) --no-print-directory CC=clang BUILD=build-fuzz SANITIZE=address,undefined,fuzzer-no-link fuzz-run FUZZ_S=$(FUZZ_S)
fuzz-run: $(FUZZERS)
	@BUILD=$(BUILD) FUZZ_S=$(FUZZ_S) sh tests/fuzz/run.sh $(FUZZ_NAMES)

fault: all $(SERVERS) ## every process is killed, sources mean ill
	@BUILD=$(BUILD) sh tests/fault/kill-each
	@BUILD=$(BUILD) sh tests/fault/spawn-once
	@BUILD=$(BUILD) sh tests/fault/hostile-sources

check-storm: all ## 500 Tasks on the real API server while everything goes wrong: TASKS, RESTARTS, RATE, SEED
	@BUILD=$(BUILD) sh tests/fault/storm
check-leader: all ## two controllers on the real API server, and all that can happen to the one that leads: ROUNDS, KILLS, LAST_S, SEED
	@BUILD=$(BUILD) sh tests/fault/leader
.PHONY: check-storm check-leader

bench: all $(SERVERS) ## print the measured figures of tests/bench
	@BUILD=$(BUILD) sh tests/bench/run.sh

docs: all ## write docs/protocol.md and docs/reference.md from their tables
	$(BUILD)/bin/kelos-bus --protocol-markdown > docs/protocol.md
	python3 docs/reference.py $(BUILD)/bin > docs/reference.md.new && mv docs/reference.md.new docs/reference.md

# ---- keeping house ---------------------------------------------------------------------

SOURCES = $(shell git ls-files '*.c' '*.h')
fmt: ## format the sources
	@clang-format -i $(SOURCES)
lint: ## format check, layer check
	@clang-format --dry-run --Werror $(SOURCES)
	BUILD=$(BUILD) sh tests/layers.sh

# Names that people know from the original.
build: all ## same as all
test: check-unit ## same as check-unit
test-integration: tests ## integration tests only
	@BUILD=$(BUILD) sh tests/run.sh integration
test-e2e: demo ## same as demo
verify: lint ## same as lint
update: docs fmt ## regenerate and format
clean: ## remove everything that was built
	rm -rf build build-*

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 20

FORCE:

# What runs something runs in the order named, one after another: make deps kube-assets check.
before :=
$(foreach g,$(filter deps kube-assets demo agents golden property mutations fuzz fault bench check check-% test test-% verify,$(MAKECMDGOALS)), \
  $(if $(before),$(eval $(g): | $(before)))$(eval before := $(g)))

.PHONY: all share install dist image-tree image-rootfs image check-image deps demo tests check check-unit kube-assets check-kube check-node check-agents agents golden property mutations fuzz fuzz-run fault bench docs fmt lint \
        build test test-integration test-e2e verify update clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(OBJ) -type f -name '*.d' 2>/dev/null)
