# SPDX-License-Identifier: EUPL-1.2
# A target tests/fuzz/fuzz_NAME.c is built twice: with gcc and the sanitizers, to replay its
# seeds and damaged copies of them as an ordinary test, and with clang's libFuzzer, to search.
# FUZZ_LIBS_fuzz_NAME names the libraries it needs (default: all, and intake's units).
SECONDS      ?= 60
FUZZ_CC      ?= clang
FUZZ_TARGETS := $(notdir $(basename $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_ALL     := intake $(ARCHIVES) signer-client common

FUZZ_LIBS_fuzz_reader := xml common
FUZZ_LIBS_fuzz_document := document xml common
FUZZ_LIBS_fuzz_codes  := document xml common
FUZZ_LIBS_fuzz_rules  := document xml common
FUZZ_LIBS_fuzz_scgi   := common
FUZZ_LIBS_fuzz_ipc    := common
FUZZ_LIBS_fuzz_bundle := policy common
FUZZ_LIBS_fuzz_asic   := evidence xades pki xml common
FUZZ_LIBS_fuzz_record := evidence pki common
FUZZ_LIBS_fuzz_callback := evidence xades trust policy document pki xml common
FUZZ_LIBS_fuzz_xades  := xades pki xml common
FUZZ_LIBS_fuzz_signature := xades pki xml common
FUZZ_LIBS_fuzz_container := xades pki xml common
FUZZ_LIBS_fuzz_token  := pki common
FUZZ_LIBS_fuzz_ocsp   := pki common
FUZZ_LIBS_fuzz_crl    := pki common
FUZZ_LIBS_fuzz_handshake := handshake $(ARCHIVES) signer-client common
FUZZ_LIBS_fuzz_queue  := queued queue pki xml signer-client common

fuzz_libs = $(or $(FUZZ_LIBS_$(1)),$(FUZZ_ALL))

$(foreach p,intake queued handshake,$(eval $(B)/san/lib/$(p).a: \
	$(call objs,san,$(filter-out %/main.c,$(wildcard gateway/$(p)/*.c)))))

define fuzz_library
$(B)/fuzz/lib/$(1).a: $(patsubst %.c,$(B)/fuzz/obj/%.o,$(if $(filter signer-client,$(1)),\
	$(SIGNER_CLIENT),$(filter-out %/main.c,$(wildcard gateway/$(1)/*.c))))
endef
$(foreach lib,$(FUZZ_ALL) queued handshake,$(eval $(call fuzz_library,$(lib))))

define fuzz_target
$(B)/fuzz/replay/$(1): $(B)/san/tests/fuzz/$(1).o $(B)/san/tests/fuzz/replay.o \
		$(patsubst %,$(B)/san/lib/%.a,$(call fuzz_libs,$(1)))
	@mkdir -p $$(@D) && echo "  LINK    $$@" && \
	$(CC) $(SAN) -o $$@ $$(filter %.o,$$^) -Wl,--start-group \
	$$(filter %.a,$$^) -Wl,--end-group $(LDLIBS)
$(B)/fuzz/$(1): $(B)/fuzz/obj/tests/fuzz/$(1).o \
		$(patsubst %,$(B)/fuzz/lib/%.a,$(call fuzz_libs,$(1)))
	@mkdir -p $$(@D) && echo "  LINK    $$@" && \
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $$@ $$(filter %.o,$$^) \
	-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(LDLIBS)
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_target,$(t))))

$(B)/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC(fuzz) $<"
	@$(FUZZ_CC) $(CPPFLAGS) -std=gnu11 -g -O1 -w -fno-omit-frame-pointer \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
		-MMD -MP -c -o $@ $<

.PRECIOUS: $(B)/fuzz/obj/%.o $(B)/san/tests/fuzz/%.o
.PHONY: fuzz fuzz-replay
fuzz-replay: $(FUZZ_TARGETS:%=$(B)/fuzz/replay/%) ## replay the seeds of every fuzz target
	@tests/fuzz/run replay $^

fuzz: $(FUZZ_TARGETS:%=$(B)/fuzz/%) ## search with libFuzzer, SECONDS=60 a target
	@tests/fuzz/run search $(SECONDS) $^
