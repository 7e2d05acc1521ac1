# SPDX-License-Identifier: EUPL-1.2
# shellcheck shell=bash
# What the lints share: a line for each thing that is looked at, then the counts. Sourced, never run.
passed=0 failed=0
check() { # check WHAT COMMAND...: it passes when the command succeeds
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok    $what"
		passed=$((passed + 1))
	else
		printf 'FAIL  %s\n%s\n' "$what" "$output"
		failed=$((failed + 1))
	fi
}
none() { # none COMMAND...: succeeds when the command does, and says nothing
	local output status=0
	output=$("$@") || status=$?
	if [ -n "$output" ] || [ "$status" -ne 0 ]; then
		echo "$output" | head -n 20
		return 1
	fi
}
counted() { # the last line; it succeeds when nothing failed
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
