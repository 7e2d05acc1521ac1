# SPDX-License-Identifier: EUPL-1.2
.PHONY: firmware firmware-lock firmware-lint
firmware: ## build the signed image of the appliance (root, mmdebstrap)
	@firmware/image

firmware-lock: ## renew the lock of the packages that the firmware is made of
	@firmware/lock

firmware-lint: ## what can be said about the firmware without building it
	@firmware/lint
