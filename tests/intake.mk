# SPDX-License-Identifier: EUPL-1.2
# The unit tests of intake share a throw-away instance and stand-ins of the daemons.
INTAKE_TESTS  := $(wildcard tests/unit/intake/test_*.c)
INTAKE_SHARED := tests/unit/intake/house.c tests/unit/intake/fakes.c \
	tests/unit/intake/visit.c

$(INTAKE_TESTS:tests/unit/%.c=$(B)/unit/%): $(INTAKE_SHARED:%.c=$(B)/san/%.o)
