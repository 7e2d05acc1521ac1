# SPDX-License-Identifier: EUPL-1.2
# The signer alone: speed, and memory by valgrind (it loads a foreign module).
.PHONY: bench-signer bench-signer-steady valgrind-signer tsan-signer
$(B)/bench/bench_signer: $(B)/obj/tests/unit/pkcs11/bench_signer.o \
	$(B)/lib/signer-client.a $(B)/lib/common.a
	$(link)

signer_alone = @SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) tests/unit/pkcs11/alone.py

bench-signer: $(B)/bin/sealgate $(B)/bin/sealgate-signer $(B)/bench/bench_signer ## signatures a second, 1 and 8 clients
	$(signer_alone) bench $(abspath $(B))/bench/bench_signer

$(B)/bench/module_steady.so: tests/bench/module_steady.c
	@mkdir -p $(@D) && echo "  CC      $@" && $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

bench-signer-steady: $(B)/bin/sealgate $(B)/bin/sealgate-signer $(B)/bench/bench_signer $(B)/bench/module_steady.so ## the signer as a share of a device that takes 5 ms and no CPU
	$(signer_alone) steady $(abspath $(B))/bench/bench_signer $(abspath $(B))/bench/module_steady.so

valgrind-signer: $(B)/bin/sealgate $(B)/bin/sealgate-signer ## the signer under valgrind
	$(signer_alone) valgrind

# The threads of the signer under ThreadSanitizer; the module's own locks are seen too.
TSAN_SIGNER := $(patsubst tests/unit/pkcs11/%.c,$(B)/tsan/%,$(wildcard tests/unit/pkcs11/test_*.c))
$(B)/tsan/test_%: tests/unit/pkcs11/test_%.c $(filter-out pkcs11/main.c,$(wildcard pkcs11/*.c)) \
	$(wildcard gateway/common/*.c gateway/pki/*.c)
	@mkdir -p $(@D) && echo "  TSAN    $@" && $(CC) $(CPPFLAGS) -std=gnu11 -g -O1 \
		-fsanitize=thread -o $@ $^ $(LDLIBS) -lcmocka

tsan-signer: $(TSAN_SIGNER) ## the signer's unit tests under ThreadSanitizer
	@tests/run-unit $^
