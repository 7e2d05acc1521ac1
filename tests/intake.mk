# SPDX-License-Identifier: EUPL-1.2
# The unit tests of intake share a throw-away instance and stand-ins of the daemons.
INTAKE_TESTS  := $(wildcard tests/unit/intake/test_*.c)
INTAKE_SHARED := tests/unit/intake/house.c tests/unit/intake/fakes.c \
	tests/unit/intake/visit.c tests/unit/intake/stage.c

$(INTAKE_TESTS:tests/unit/%.c=$(B)/unit/%): $(INTAKE_SHARED:%.c=$(B)/san/%.o)

# The same under ThreadSanitizer, with everything of ours that intake's threads run through
# much; what else it needs is taken out of the ordinary archives.
TSAN_SOURCES := $(wildcard gateway/common/*.c gateway/pki/*.c gateway/policy/*.c gateway/web/*.c) \
	gateway/evidence/receipt.c gateway/queue/client.c gateway/queue/types.c \
	gateway/queue/audit.c pkcs11/client.c \
	$(filter-out %/main.c,$(wildcard gateway/intake/*.c))
TSAN_TESTS := $(patsubst tests/unit/intake/%,$(B)/tsan/%,$(basename \
	$(filter %_load.c %_pool.c,$(INTAKE_TESTS))))

$(B)/tsan/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC(tsan) $<"
	@$(CC) $(CPPFLAGS) $(filter-out $(OPT) -fPIE,$(CFLAGS)) -O1 -fsanitize=thread \
		-MMD -MP -c -o $@ $<

$(B)/tsan/intake.a: $(TSAN_SOURCES:%.c=$(B)/tsan/%.o)

$(TSAN_TESTS): $(B)/tsan/test_%: $(B)/tsan/tests/unit/intake/test_%.o \
		$(INTAKE_SHARED:%.c=$(B)/tsan/%.o) $(B)/tsan/intake.a $(call archives,lib)
	@echo "  LINK    $@"
	@$(CC) -fsanitize=thread -o $@ $^ $(LDLIBS) -lcmocka

.PRECIOUS: $(B)/tsan/%.o
.PHONY: tsan-intake
tsan-intake: $(TSAN_TESTS) ## intake's threads under ThreadSanitizer
	@tests/run-unit $^
