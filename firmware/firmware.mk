# SPDX-License-Identifier: EUPL-1.2
DEPS_FIRMWARE  := $(shell sed -e '/^\#/d' firmware/host.txt)
firmware_suite = @SEALGATE_BIN=$(abspath $(B))/bin $(PYTHON) firmware/test/suite.py

.PHONY: deps-firmware firmware firmware-lock firmware-modules-lock firmware-lint firmware-units firmware-parts \
	firmware-check firmware-test firmware-all firmware-hardware firmware-repro firmware-pcr
# Where they cannot be installed the suite says what is missing and skips.
deps-firmware: ## install the Debian packages that the firmware needs on the host
	-$(call install_packages,$(DEPS_FIRMWARE))

firmware: deps-firmware ## build the signed image of the appliance (root, mmdebstrap)
	@firmware/image

firmware-lock: ## renew the lock of the packages that the firmware is made of
	@firmware/lock

firmware-modules-lock: ## renew the lock of the operator's PKCS#11 modules (FIRMWARE_MODULES=DIR)
	@firmware/modules-lock

firmware-lint: ## what can be said about the firmware without building it
	@firmware/lint

firmware-units: deps-firmware ## start units of the appliance by its own systemd, without a boot
	$(firmware_suite) --units

# What does not change with the checkout, and the programs for the target: the most of a build.
firmware-parts: deps-firmware
	$(firmware_suite) --parts

firmware-check: all deps-firmware ## build the appliance, lint it, boot it once, end to end
	$(firmware_suite) --quick

firmware-test: all deps-firmware ## boot the appliance and prove what it promises but for rare days
	$(firmware_suite)

firmware-all: all deps-firmware ## the same, and what it does on rare days; records that all of it held
	$(firmware_suite) --all

firmware-hardware: all deps-firmware ## one boot with the kernel for hardware, on a server's devices
	@FIRMWARE_KERNEL=general FIRMWARE_OUT=$(abspath $(B))/firmware-general SEALGATE_BIN=$(abspath $(B))/bin \
		$(PYTHON) firmware/test/suite.py hardware

firmware-pcr: deps-firmware ## the TPM's registers with the built image on a machine with VARIABLES=FOLDER|FILE
	@firmware/predict $(if $(IMAGE),$(IMAGE),$(B)/firmware/$(VERSION)/uki.efi) $(VARIABLES)

firmware-repro: firmware ## build the image once more and compare every byte; ANEW=1: roots and initrd, too
	@firmware/repro $(if $(ANEW),anew)
