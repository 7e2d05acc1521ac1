# SPDX-License-Identifier: EUPL-1.2
SOURCES := $(wildcard gateway/*/*.c gateway/*/*/*.c pkcs11/*.c)
HEADERS := $(wildcard gateway/*/*.h gateway/*/*/*.h pkcs11/*.h)
TIDY    := $(B)/tidy
# How far the analyzer follows the ways through one function; clang's own bound is 225000.
TIDY_NODES ?= 75000

.PHONY: test test-programs lint format format-check python-check tidy cppcheck conformance \
	scenarios trixie-build test-trixie
test: deps deps-test deps-firmware ## the second command: install what is needed, run the tests
	@$(MAKE) --no-print-directory -j2 all # anew: pkg-config knows what was just installed
	@$(PYTHON) tests/suites.py --build $(B) $(if $(WITHIN),--within $(WITHIN)) \
		$(if $(filter all,$(SUITES)),--all,$(SUITES))

# Everything of the checkout that the suites run.
test-programs: all unit-programs $(FUZZ_TARGETS:%=$(B)/fuzz/replay/%) \
	$(FAULT_PROGRAMS) $(SAN_PROGRAM)

lint: format-check python-check tidy cppcheck ## clang-format, flake8, clang-tidy, cppcheck

format: ## have clang-format lay out the C sources
	@clang-format -i $(SOURCES) $(HEADERS) $(wildcard tests/unit/*/*.[ch] tests/fuzz/*.[ch])

format-check:
	@clang-format --dry-run --Werror $(SOURCES) $(HEADERS)

# Names that nothing defines or nobody uses; found before a suite is started, not by it.
python-check:
	@$(PYTHON) -m flake8 --isolated --select=F,E9 \
		$$(git ls-files '*.py'; git grep -lE '^.!/usr/bin/python3' -- ':!*.py')

$(TIDY)/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet --warnings-as-errors='*' $< -- $(CPPFLAGS) -std=gnu11 \
		-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES) 2>/dev/null \
		&& touch $@

tidy:
	@$(MAKE) --no-print-directory -j2 $(patsubst %.c,$(TIDY)/%.ok,$(SOURCES))

cppcheck:
	@mkdir -p $(B)/cppcheck
	@cppcheck -q -j2 --std=c11 --enable=warning,portability,performance --inline-suppr \
		--error-exitcode=1 --suppress=missingInclude --suppress=missingIncludeSystem \
		-D'json_array_foreach(a,i,v)=for (i = 0; (v = json_array_get(a, i)); i++)' \
		-D'json_object_foreach(o,k,v)=for (k = 0; (v = json_object_get(o, k));)' \
		--cppcheck-build-dir=$(B)/cppcheck -Igateway -I. -DSEALGATE_VERSION='"x"' gateway pkcs11

conformance: all ## other people's material against us (needs SEALGATE_CORPUS)
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) -m pytest -q -rs -p no:cacheprovider \
		tests/conformance

scenarios: all ## the real programs together
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) -m pytest -q -rs -p no:cacheprovider \
		tests/scenarios

trixie-build: ## make a Debian 13 root by mmdebstrap and compile the unit tests in it
	@tests/trixie $(B)/trixie build

test-trixie: ## the unit tests in a Debian 13 root
	@tests/trixie $(B)/trixie build
	@tests/trixie $(B)/trixie run

.PHONY: print-packages
print-packages:
	@echo $(DEPS) $(DEPS_UNIT)
