# SPDX-License-Identifier: EUPL-1.2
# The signer alone: memory checks by valgrind (it loads a foreign module) and speed.
.PHONY: bench-signer
$(B)/bench/bench_signer: $(B)/obj/tests/unit/pkcs11/bench_signer.o \
	$(B)/lib/signer-client.a $(B)/lib/common.a
	$(link)

bench-signer: $(B)/bin/sealgate-signer $(B)/bench/bench_signer ## signatures a second, 1 and 8 clients
	@SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/unit/pkcs11/bench.py \
		$(abspath $(B))/bench/bench_signer
