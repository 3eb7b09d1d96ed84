#!/usr/bin/env bash
#
# tests.sh
#		The table of test/README.md leads from every part of the source to its tests.
#
# Hazard: a table that is kept by hand names what is gone and not what is new, and
# whoever changes a file then runs the wrong tests, or none.  A check that finds
# nothing proves nothing, so it is first tried on a small tree for each mistake.

set -u

cd "$(dirname "$0")/../.."
# shellcheck source=test/check/tap.sh
. test/check/tap.sh

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

file()
{
	mkdir -p "$tree/$(dirname "$1")"
	: >"$tree/$1"
}

# A tree in which everything is named.
good_tree()
{
	rm -rf "${tree:?}"/*
	file src/init.c
	file src/shmem/claim.c
	file src/shmem/claim.h
	file src/sql/tables.sql
	file worker/sdk/sdk.c
	file worker/src/pool/pool.c
	file worker/build/copy.c
	file sql/fetch.sql
	file test/isolation/specs/claim.spec
	file test/pgtap/types.sql
	file test/t/001_preload.pl
	file test/t/010_worker.pl
	file test/unit/test_sdk.c
	file test/unit/tap.h
	cat >"$tree/test/README.md" <<-END
		| suite | where |
		|---|---|
		| \`unit\` | \`unit/\` |

		| source | tests |
		|---|---|
		| \`src/init.c\` | \`t/001_preload.pl\` |
		| \`src/shmem/\` | \`sql/fetch.sql\` |
		| \`src/shmem/claim.c\` | \`isolation/specs/claim.spec\` |
		| \`src/sql/\` | \`pgtap/types.sql\` |
		| \`worker/sdk/\`, \`worker/src/pool/\` | \`unit/test_sdk.c\`, \`t/010_worker.pl\` |

		| PostgreSQL | Debian |
		|---|---|
		| \`15\` | \`bookworm\` |
	END
}

nothing_wrong()
{
	good_tree
	perl test/check/tests.pl "$tree"
}

# finds PATTERN COMMAND...: after the command the tree has just this mistake.
finds()
{
	local pattern=$1 output

	shift
	good_tree
	"$@"
	output=$(perl test/check/tests.pl "$tree")
	[ "$output" = "$pattern" ] || printf 'expected: %s\ngot: %s\n' "$pattern" "$output"
}

# edit EXPRESSION: the table, by sed.
edit()
{
	sed -i "$1" "$tree/test/README.md"
}

gone()
{
	rm "$tree/$1"
}

check 'a tree in which all is named passes' nothing_wrong
check 'a folder without a row is found' finds 'src/new/ has no row' \
	file src/new/part.c
check 'and one of the worker' finds 'worker/src/top/ has no row' \
	file worker/src/top/screen.c
check 'a folder needs a row also when its file has one' finds 'src/shmem/ has no row' \
	edit 's|`src/shmem/`|`src/shmem/claim.h`|'
check 'a file in no folder needs a row of its own' finds 'src/stray.c has no row' \
	file src/stray.c
check 'a source that is gone is found' finds 'src/shmem/claim.c is not there' \
	gone src/shmem/claim.c
check 'a folder that is gone is found' finds 'src/old/ is not there' \
	edit 's|`src/sql/`|&, `src/old/`|'
check 'a test that is gone is found' finds 'test/t/001_preload.pl is not there' \
	gone test/t/001_preload.pl
check 'and one of pg_regress' finds 'sql/fetch.sql is not there' \
	gone sql/fetch.sql
check 'a new test is found' finds 'test/t/099_new.pl is in no row' \
	file test/t/099_new.pl
check 'of every suite: isolation' finds 'test/isolation/specs/new.spec is in no row' \
	file test/isolation/specs/new.spec
check 'unit' finds 'test/unit/server_new.c is in no row' \
	file test/unit/server_new.c
check 'pgtap' finds 'test/pgtap/new.sql is in no row' \
	file test/pgtap/new.sql
check 'pg_regress' finds 'sql/new.sql is in no row' \
	file sql/new.sql
check 'models' finds 'test/model/new.pml is in no row' \
	file test/model/new.pml
check 'a row without tests is found' finds 'the row of `src/shmem/claim.c` names no test
test/isolation/specs/claim.spec is in no row' \
	edit 's|`isolation/specs/claim.spec`|all of them|'
check 'two rows of one source are found' finds 'src/shmem/ has two rows' \
	edit 's|`src/shmem/claim.c`|`src/shmem/`|'
check 'a table that is gone is found' finds "$(printf '%s\n' \
	'test/README.md has no table of sources and tests' \
	'src/init.c has no row' 'src/shmem/ has no row' 'src/sql/ has no row' \
	'worker/sdk/ has no row' 'worker/src/pool/ has no row' \
	'sql/fetch.sql is in no row' 'test/isolation/specs/claim.spec is in no row' \
	'test/pgtap/types.sql is in no row' 'test/t/001_preload.pl is in no row' \
	'test/t/010_worker.pl is in no row' 'test/unit/test_sdk.c is in no row')" \
	edit 's/^| source | tests |/| file | test |/'
check 'test/README.md leads to the tests' perl test/check/tests.pl
done_testing
