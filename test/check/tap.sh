# shellcheck shell=bash
#
# tap.sh
#		The few lines of TAP that the checks speak.

tap_count=0
tap_failed=0

# check NAME COMMAND...: passes when the command succeeds and prints nothing;
# what it prints is shown.
check()
{
	local name=$1 output status=0

	shift
	output=$("$@" 2>&1) || status=$?
	tap_count=$((tap_count + 1))
	if [ $status -eq 0 ] && [ -z "$output" ]; then
		echo "ok $tap_count - $name"
	else
		echo "not ok $tap_count - $name"
		printf '%s\n' "$output" | sed 's/^/# /' >&2
		tap_failed=$((tap_failed + 1))
	fi
}

# skip REASON: said aloud as well, for a harness that is not verbose hides it.
skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count # SKIP $1"
	echo "# skipped: $1" >&2
}

done_testing()
{
	echo "1..$tap_count"
	[ $tap_failed -eq 0 ]
}
