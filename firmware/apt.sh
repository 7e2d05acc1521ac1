# SPDX-License-Identifier: EUPL-1.2
# shellcheck shell=bash
# An apt of our own beside the host's: the host's sources with the suite replaced, an empty
# dpkg status, nothing else of the host. Sourced after lib.sh.

# apt_open FOLDER: make it there and have apt use it.
apt_open() {
	local folder=$1 source
	mkdir -p "$folder"/{sources.d,state/lists/partial,cache/archives/partial}
	: >"$folder/state/status"
	for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
		grep -qsE '^(deb |URIs:).*/debian' "$source" || continue
		sed -E "s/bookworm|trixie/$SUITE/g" "$source" >"$folder/sources.d/${source##*/}"
	done
	cat >"$folder/apt.conf" <<-END
		Dir::State "$folder/state";
		Dir::State::status "$folder/state/status";
		Dir::Cache "$folder/cache";
		Dir::Etc::SourceList "/dev/null";
		Dir::Etc::SourceParts "$folder/sources.d";
		Dir::Etc::Parts "/dev/null";
		Dir::Etc::Main "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures "amd64";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
	export APT_CONFIG=$folder/apt.conf
	apt-get update -qq || unavailable "no mirror of Debian $SUITE answers"
}
