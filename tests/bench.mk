# SPDX-License-Identifier: EUPL-1.2
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(call archives,lib)
	$(link)

.PHONY: bench
bench: all $(patsubst %,$(B)/bench/%,bench_verify bench_load bench_engine bench_core bench_document verify_stub bench_trust) ## ratios measured side by side, never pass or fail
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/bench.py $(abspath $(B))/bench
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/replacement.py
	@rm -rf $(B)/bench/lists && $(B)/bench/bench_trust $(B)/bench/lists 3000
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/core.py $(abspath $(B))/bench
	@$(PYTHON) tests/bench/documents.py $(abspath $(B))/bench
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/accept.py $(abspath $(B))/bench
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/drain.py $(abspath $(B))/bench
	@$(PYTHON) tests/bench/grow.py $(abspath $(B))/bench $(B)/bench/growth.svg

.PHONY: bench-seal
bench-seal: all ## what a seal costs at level B, with evidence records, and at level T
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/seal.py

.PHONY: bench-reference
bench-reference: all $(B)/bench/bench_validate ## validation side by side with the EU's reference implementation
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/bench/reference.py \
		$(abspath $(B))/bench/bench_validate
