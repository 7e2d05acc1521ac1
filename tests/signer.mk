# SPDX-License-Identifier: EUPL-1.2
# The signer alone: speed, and memory by valgrind (it loads a foreign module).
.PHONY: bench-signer valgrind-signer
$(B)/bench/bench_signer: $(B)/obj/tests/unit/pkcs11/bench_signer.o \
	$(B)/lib/signer-client.a $(B)/lib/common.a
	$(link)

signer_alone = @SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/unit/pkcs11/alone.py

bench-signer: $(B)/bin/sealgate $(B)/bin/sealgate-signer $(B)/bench/bench_signer ## signatures a second, 1 and 8 clients
	$(signer_alone) bench $(abspath $(B))/bench/bench_signer

valgrind-signer: $(B)/bin/sealgate $(B)/bin/sealgate-signer ## the signer under valgrind
	$(signer_alone) valgrind
