#!/usr/bin/env bash
#
# layout.sh
#		The folders of src/ and worker/ stand on each other, without circles.
#
# Hazard: one #include upwards is convenient, and the next one closes a circle;
# then no part can be read, tested or changed alone.  A check that finds nothing
# proves nothing, so it is first tried on a small tree for each mistake.

set -u

cd "$(dirname "$0")/../.."
# shellcheck source=test/check/tap.sh
. test/check/tap.sh

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# header FILE [INCLUDE]...: with the guard that its path asks for.
header()
{
	local file=$1 guard

	shift
	guard=${file#worker/include/celeriac/}
	guard=CELERIAC_$(echo "$guard" | sed 's|\bsrc/||' | tr 'a-z/.' 'A-Z__')
	mkdir -p "$tree/$(dirname "$file")"
	{
		printf '#ifndef %s\n#define %s\n' "$guard" "$guard"
		[ $# -eq 0 ] || printf '#include "%s"\n' "$@"
		echo '#endif'
	} >"$tree/$file"
}

c_file()
{
	local file=$1

	shift
	mkdir -p "$tree/$(dirname "$file")"
	{
		[ $# -eq 0 ] || printf '#include "%s"\n' "$@"
	} >"$tree/$file"
}

# A tree in which everything is as it should be.
good_tree()
{
	rm -rf "${tree:?}"/*
	header worker/include/celeriac/task.h
	header worker/sdk/states.h celeriac/task.h
	header src/base/names.h sdk/states.h
	header src/shmem/claim.h base/names.h
	c_file src/shmem/claim.c shmem/claim.h postgres.h utils/builtins.h
	header src/session/xact.h shmem/claim.h
	c_file src/init.c session/xact.h
	header worker/src/base/text.h
	header worker/src/server/link.h base/text.h
	header worker/src/pool/slot.h server/link.h sdk/states.h
	header worker/src/cli/send.h server/link.h pool/slot.h
}

nothing_wrong()
{
	good_tree
	perl test/check/layout.pl "$tree"
}

# finds PATTERN COMMAND...: after the command the tree has just this mistake.
finds()
{
	local pattern=$1 output

	shift
	good_tree
	"$@"
	output=$(perl test/check/layout.pl "$tree")
	if [ "$(printf '%s\n' "$output" | wc -l)" -ne 1 ] || [[ $output != *$pattern* ]]; then
		printf 'expected: %s\ngot: %s\n' "$pattern" "$output"
	fi
}

guard_of_another()
{
	header src/base/other.h
	sed -i 's/BASE/SHMEM/' "$tree/src/base/other.h"
}

circle()
{
	header src/base/one.h base/two.h
	header src/base/two.h
	c_file src/base/two.c base/two.h base/one.h
}

same_name()
{
	c_file src/base/same.c
	c_file src/task/same.c
}

same_name_in_worker()
{
	c_file worker/sdk/same.c
	c_file worker/src/pool/same.c
}

check 'a tree as it should be passes' nothing_wrong
check 'an include upwards is found' finds 'src/base/ may not use src/session/' \
	c_file src/base/up.c session/xact.h
check 'of the worker too' finds 'worker/src/server/ may not use worker/src/pool/' \
	c_file worker/src/server/up.c pool/slot.h
check 'folders side by side' finds 'worker/src/top/ may not use worker/src/pool/' \
	c_file worker/src/top/aside.c pool/slot.h
check 'the SDK knows nothing of the worker' finds 'is written without its folder' \
	c_file worker/sdk/near.c states.h
check 'an include without its folder is found' finds 'is written without its folder' \
	c_file src/shmem/near.c claim.h
check 'a circle of files is found' finds 'a circle: src/base/one src/base/two' circle
check 'a guard of another path is found' finds 'not CELERIAC_BASE_OTHER_H' guard_of_another
check 'two files of one name are found' finds 'have the same name' same_name
check 'and those of the worker' finds 'have the same name' same_name_in_worker
check 'a file outside of the folders is found' finds 'stands in no folder' \
	c_file src/stray.c base/names.h
check 'a folder that is not listed is found' finds 'stands in no folder of the worker' \
	c_file worker/src/attic/old.c
check 'src/ and worker/ stand on their folders' perl test/check/layout.pl
done_testing
