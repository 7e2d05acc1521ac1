# SPDX-License-Identifier: EUPL-1.2
UNITS := $(wildcard systemd/units/*.service.in)

.PHONY: install-units units-check
install-units: ## install units, users, folders and the message catalogue under DESTDIR
	install -d $(DESTDIR)/usr/lib/systemd/system
	for unit in $(UNITS); do name=$${unit##*/}; sed 's|@BINDIR@|$(PREFIX)/bin|' $$unit \
		> $(DESTDIR)/usr/lib/systemd/system/$${name%.in}; done
	install -m 644 systemd/units/*.socket systemd/units/*.timer systemd/units/*.target \
		$(DESTDIR)/usr/lib/systemd/system/
	install -D -m 644 systemd/sealgate.sysusers $(DESTDIR)/usr/lib/sysusers.d/sealgate.conf
	install -D -m 644 systemd/sealgate.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/sealgate.conf
	install -D -m 644 systemd/sealgate-destinations.tmpfiles \
		$(DESTDIR)/usr/lib/tmpfiles.d/sealgate-destinations.conf
	install -D -m 644 systemd/sealgate.catalog \
		$(DESTDIR)/usr/lib/systemd/catalog/sealgate.catalog

units-check: all ## verify the units and print their exposure
	tests/lint/units $(B)
