# SPDX-License-Identifier: EUPL-1.2
# shellcheck shell=bash disable=SC2034
# What every script of the firmware shares. Sourced, never run.
#
# Big and slow things that the lock of packages alone decides live in a cache outside the
# checkout, below a folder named after the lock; everything else goes to build/firmware.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
# What is made is the same whoever makes it.
umask 022

FIRMWARE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
TOP=$(dirname "$FIRMWARE")
# The kernel: Debian's for virtual machines, or the one for hardware, which has a lock of its own.
case ${FIRMWARE_KERNEL:-cloud} in
cloud) INITRD=initrd LOCK=$FIRMWARE/packages.lock ;;
general) INITRD=initrd-general LOCK=$FIRMWARE/packages-general.lock ;;
*) echo "firmware: FIRMWARE_KERNEL is cloud or general" >&2 && exit 1 ;;
esac
export LOCK
OUT=$(realpath -m "${FIRMWARE_OUT:-$TOP/build/firmware}")
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sealgate-firmware
POOL=$CACHE/pool
SUITE=trixie
# The date that goes into everything: it changes with the lock, not with the clock.
SOURCE_DATE_EPOCH=$(sed -n 's/^# epoch //p' "$LOCK" 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

say() { printf '  %-8s%s\n' "$1" "${*:2}" >&2; }
die() { printf 'firmware: %s\n' "$*" >&2; exit 1; }
# What cannot be done here, as opposed to what went wrong: whoever calls may skip.
unavailable() { printf 'firmware: not available here: %s\n' "$*" >&2; exit 77; }

# The folder of the cache that belongs to these contents: keyed FILE... prints it.
keyed() { printf '%s/%s' "$CACHE" "$(cat "$@" | sha256sum | cut -c1-16)"; }

# Packages of a list, without its comments: one line, separated by $2.
packages() { sed -e '/^#/d' "$FIRMWARE/packages/$1.txt" | paste -s -d "${2:- }" -; }

# locked THING: one builder at a time of a thing that is cached.
locked() {
	mkdir -p "$CACHE"
	exec 8>"$CACHE/lock.$1"
	flock -w 1800 8 || die "another build holds $CACHE/lock.$1"
}

# within ROOT COMMAND...: run in a root with private mounts and an environment of its own.
# $SHARE, when set, is seen there as /share.
within() {
	unshare -m --propagation private env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 TZ=UTC \
		HOME=/root SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" SHARE="${SHARE:-}" \
		bash "$FIRMWARE/enter" "$@"
}

# Keys of a folder of their own are production keys, of which the private ones may be in a token.
KEYS=$(realpath -m "${FIRMWARE_KEYS:-$OUT/keys}")
throw_away_keys() { [ "$KEYS" = "$OUT/keys" ]; }
# Is a certificate of a TEST build? Its subject says so, wherever it was copied to.
is_test() { openssl x509 -in "$1" -noout -subject -nameopt RFC2253 | grep -q 'CN=sealgate TEST '; }
# key_of NAME: the private key of NAME.crt, a file, or the PKCS#11 URI in NAME.uri of one that stays
# in its token. The token's module is the one that PKCS11_MODULE_PATH names.
key_of() { if [ -e "$KEYS/$1.uri" ]; then cat "$KEYS/$1.uri"; else echo "$KEYS/$1.key"; fi; }
# What OUT/VERSION is made of (CycloneDX).
list_of_parts() {
	"$FIRMWARE/sbom" "$VERSION" "$("$FIRMWARE/root" image)" "$("$FIRMWARE/root" "$INITRD")" \
		"$("$FIRMWARE/root" tools)" "$OUT/$VERSION/tree" "$("$FIRMWARE/initrd")/contents"
}
VERSION=${FIRMWARE_VERSION:-$(sed -n 's/^VERSION := //p' "$TOP/Makefile")}
# What a module of the tests has in it, and no production image may.
TEST_MODULE="sealgate: a PKCS#11 module of the tests"
