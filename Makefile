# SPDX-License-Identifier: EUPL-1.2
# sealgate: build, test and install. `make help` lists the targets.
B      ?= build
CC     ?= gcc
PREFIX ?= /usr
PYTHON ?= /usr/bin/python3

LIBS  := common xml pki xades document web trust policy evidence queue connectors
PROGS := intake handshake verify queued seal forward trustd admin operate ctl

PKGS := libxml-2.0 xmlsec1-openssl libcrypto jansson libconfig sqlite3 libcurl \
	libsystemd libseccomp libp11 p11-kit-1 libzip zlib
# The appliance's image is built without it: its queue is SQLite.
LIBPQ := $(shell pkg-config --exists libpq 2>/dev/null && echo libpq)
PKGS  += $(LIBPQ)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wconversion -Wcast-qual -Wformat=2 -Wundef -Wswitch-enum -Wvla \
	-Wnull-dereference -Wimplicit-fallthrough
ifneq ($(findstring clang,$(CC)),clang)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Walloca
endif
WERROR  ?= -Werror
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
# What nobody has set is zero, which accepts nothing, and in tests what nobody can work with.
ifneq ($(findstring clang,$(CC)),clang)
HARDEN  += -ftrivial-auto-var-init=zero
endif
OPT     ?= -O2 -D_FORTIFY_SOURCE=3
VERSION := 0.1.0

# pkg-config's include directories are system headers: their warnings are not ours.
CPPFLAGS := -D_GNU_SOURCE -DSEALGATE_VERSION='"$(VERSION)"' -Igateway -I. \
	$(if $(LIBPQ),-DSEALGATE_POSTGRESQL) \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
CFLAGS   := -std=gnu11 -g $(OPT) $(WARN) $(WERROR) $(HARDEN)
LDFLAGS  := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -ldl
SAN      := -O1 -ftrivial-auto-var-init=pattern -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

# The archives in link order: a higher floor before the floors it stands on.
ARCHIVES := connectors queue evidence policy trust web document xades pki xml

# What has chronyd ask for the clock to be set, on the appliance.
TIME_ORDERS := $(B)/lib/time_orders.so

.PHONY: all
all: $(patsubst %,$(B)/bin/%,sealgate $(patsubst %,sealgate-%,$(filter-out ctl,$(PROGS)) signer verify-evidence)) \
	$(TIME_ORDERS) ## build every program (default)

## objects ------------------------------------------------------------------
$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/san/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC(san) $<"
	@$(CC) $(CPPFLAGS) $(filter-out $(OPT) -fPIE,$(CFLAGS)) $(SAN) -MMD -MP -c -o $@ $<

objs = $(patsubst %.c,$(B)/$(1)/%.o,$(2))
SIGNER_CLIENT := pkcs11/client.c pkcs11/budget.c
# What the command line takes of pkcs11/: a partner's own key, never the gate's.
PARTNER_KEY := pkcs11/partner_key.c pkcs11/module.c

without = $(if $(LIBPQ),,gateway/queue/engine_pg%)
define library
$(B)/lib/$(1).a: $(call objs,obj,$(filter-out $(without),$(wildcard gateway/$(1)/*.c)))
$(B)/san/lib/$(1).a: $(call objs,san,$(filter-out $(without),$(wildcard gateway/$(1)/*.c)))
.PHONY: lib-$(1)
lib-$(1): $(B)/lib/$(1).a
endef
$(foreach lib,$(LIBS),$(eval $(call library,$(lib))))
$(B)/lib/signer-client.a: $(call objs,obj,$(SIGNER_CLIENT))
$(B)/san/lib/signer-client.a: $(call objs,san,$(SIGNER_CLIENT))

# The edge's configuration is compiled in as it stands, too.
$(patsubst %,$(B)/%/gateway/ctl/instance/edge.o,obj san): systemd/nginx/sealgate.conf.in
# The catalogue of algorithms is compiled in as it stands.
$(patsubst %,$(B)/%/gateway/xades/catalogue.o,obj san fuzz/obj): policies/signature/algorithms.cfg
$(patsubst %,$(B)/%/gateway/xades/rules.o,obj san fuzz/obj): policies/signature/rules.cfg

%.a:
	@mkdir -p $(@D)
	@echo "  AR      $@"
	@rm -f $@ && ar rcs $@ $^

archives = $(patsubst %,$(B)/$(1)/%.a,$(ARCHIVES) signer-client common)

## programs -----------------------------------------------------------------
# A program may keep its sources in folders, one level deep.
sources = $(wildcard gateway/$(1)/*.c gateway/$(1)/*/*.c)
link = @mkdir -p $(@D) && echo "  LINK    $@" && \
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

define program
$(B)/bin/$(2): $(call objs,obj,$(call sources,$(1))) $(call archives,lib)
	$$(link)
endef
$(foreach p,$(filter-out ctl,$(PROGS)),$(eval $(call program,$(p),sealgate-$(p))))
$(eval $(call program,ctl,sealgate))
$(B)/bin/sealgate: $(call objs,obj,$(PARTNER_KEY))
$(eval $(call program,evidence_verifier,sealgate-verify-evidence))

$(B)/bin/sealgate-signer: \
	$(call objs,obj,$(filter-out $(SIGNER_CLIENT),$(wildcard pkcs11/*.c))) \
	$(B)/lib/signer-client.a $(B)/lib/pki.a $(B)/lib/common.a
	$(link)

$(TIME_ORDERS): gateway/time_orders/adjtimex.c gateway/common/clock_order.h Makefile
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(CPPFLAGS) $(filter-out -fPIE,$(CFLAGS)) -fPIC -shared \
		$(filter-out -pie,$(LDFLAGS)) -o $@ $<

## unit tests: one program a file, under AddressSanitizer and UBSan ----------
UNIT_DIRS     := $(notdir $(patsubst %/,%,$(wildcard tests/unit/*/)))
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*/test_*.c))

# A program's own units (main.c apart) are linked into its tests, so glue is tested too.
unit_glue = $(call objs,san,$(filter-out %/main.c $(SIGNER_CLIENT), \
	$(if $(filter $(1),$(PROGS)),$(call sources,$(1))) \
	$(if $(filter $(1),ctl),$(PARTNER_KEY)) \
	$(if $(filter $(1),pkcs11),$(wildcard pkcs11/*.c))))

define unit
$(B)/unit/$(1)/%: $(B)/san/tests/unit/$(1)/%.o $(call unit_glue,$(1)) $(call archives,san/lib)
	@mkdir -p $$(@D) && echo "  LINK    $$@" && \
	$(CC) $(SAN) -o $$@ $$(filter %.o,$$^) -Wl,--start-group \
	$$(filter %.a,$$^) -Wl,--end-group $(LDLIBS) -lcmocka

.PHONY: unit-$(1)
unit-$(1): $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/$(1)/test_*.c))
	@tests/run-unit $$^
endef
$(foreach d,$(UNIT_DIRS),$(eval $(call unit,$(d))))

.SECONDARY:
.PHONY: unit unit-programs
unit-programs: $(UNIT_PROGRAMS)

unit: $(UNIT_PROGRAMS) ## build and run every unit test
	@tests/run-unit $^

-include tests/*.mk
-include systemd/*.mk
-include firmware/*.mk

## packages and installation --------------------------------------------------
DEPS := gcc make pkg-config libc6-dev libssl-dev libxml2-dev libxmlsec1-dev libp11-dev \
	libcurl4-openssl-dev libjansson-dev libconfig-dev libsqlite3-dev libpq-dev libzip-dev zlib1g-dev \
	libsystemd-dev libseccomp-dev nginx-light softhsm2 openssl ca-certificates
DEPS_DEMO := python3 python3-cryptography python3-lxml python3-requests
DEPS_UNIT := $(shell sed -e '/^\#/d' tests/packages-unit.txt)
DEPS_TEST := $(DEPS_UNIT) $(shell sed -e '/^\#/d' tests/packages.txt)
AS_ROOT   := $(if $(filter 0,$(shell id -u)),,sudo)

# Installs only when something is missing, so that a second run needs no network.
install_packages = @dpkg-query -W -f '$${Status}\n' $(1) 2>/dev/null | \
	grep -c '^install ok installed' | grep -qx $(words $(1)) || \
	{ echo "  APT     $(words $(1)) packages"; $(AS_ROOT) apt-get update -qq && \
	$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	--no-install-recommends $(1) >/dev/null; }

.PHONY: deps deps-test install
deps: ## install the Debian packages that building and running need
	$(call install_packages,$(DEPS) $(DEPS_DEMO))

deps-test: deps ## install the Debian packages that the tests need
	$(call install_packages,$(DEPS_TEST))

install: all install-units ## install programs, policies, units and manual pages under DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/sealgate
	install -m 755 $(B)/bin/* $(DESTDIR)$(PREFIX)/bin/
	install -D -m 644 $(TIME_ORDERS) $(DESTDIR)$(PREFIX)/lib/sealgate/time_orders.so
	cp -r policies $(DESTDIR)$(PREFIX)/share/sealgate/
	find docs/man -name '*.[1-8]' | while read -r page; do \
		install -D -m 644 "$$page" \
		"$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done

.PHONY: demo demo-up
demo: deps ## the first command: install, build, start everything, take documents through
	@$(MAKE) --no-print-directory -j2 all
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/scenarios/demo.py $(B)/demo

demo-up: ## start what `make demo` left and keep it up until Ctrl-C
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/scenarios/demo.py --keep $(B)/demo

.PHONY: clean help
clean: ## remove everything that was built
	rm -rf $(B)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | \
		awk -F'\t' '{printf "  %-20s %s\n", $$1, $$2}'

-include $(shell find $(B)/obj $(B)/san $(B)/fuzz -type f -name '*.d' 2>/dev/null)
