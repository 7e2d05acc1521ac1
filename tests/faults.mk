# SPDX-License-Identifier: EUPL-1.2
FAULT_PROGRAMS := $(B)/faults/queue_client $(B)/faults/shifted_clock.so $(B)/faults/silent_folder.so \
	$(B)/faults/validate_soak

$(B)/faults/%: $(B)/obj/tests/faults/%.o $(call archives,lib)
	$(link)

$(B)/faults/%.so: tests/faults/%.c
	@mkdir -p $(@D) && echo "  CC      $<" && \
	$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $< -ldl

# The command line under AddressSanitizer and UBSan, for the whole corpus at once.
SAN_PROGRAM := $(B)/san/bin/sealgate
$(SAN_PROGRAM): $(call objs,san,$(call sources,ctl) $(PARTNER_KEY)) $(call archives,san/lib)
	@mkdir -p $(@D) && echo "  LINK    $@" && \
	$(CC) $(SAN) -o $@ $(filter %.o,$^) -Wl,--start-group \
	$(filter %.a,$^) -Wl,--end-group $(LDLIBS)

.PHONY: faults soak
faults: all $(FAULT_PROGRAMS) $(SAN_PROGRAM) ## kill, power cut, full and failing disk, lying peers: sampled, the seed is printed
	@SEALGATE_BIN=$(abspath $(B))/bin SEALGATE_FAULTS=$(abspath $(B))/faults $(PYTHON) -m pytest \
		-q -rs -p no:cacheprovider -n 2 --dist loadfile tests/faults

# Of a soak in parts the first has the appliance, whose second build has the packages alone in common
# with the first one then.
soak: export SEALGATE_SOAK = 1
soak: $(if $(filter-out 1/%,$(SEALGATE_SHARE)),all,firmware-all) $(FAULT_PROGRAMS) $(SAN_PROGRAM) ## every promise of the appliance, then every point of the faults; takes hours
	$(if $(filter-out 1/%,$(SEALGATE_SHARE)),,@$(MAKE) --no-print-directory firmware-hardware)
	@SEALGATE_BIN=$(abspath $(B))/bin SEALGATE_FAULTS=$(abspath $(B))/faults \
		$(PYTHON) -m pytest -q -s -rs -p no:cacheprovider tests/faults
