#!/usr/bin/env bash
#
# docs.sh
#		What users can name is documented, and what the documents name exists.

set -u

cd "$(dirname "$0")/../.."
# shellcheck source=test/check/tap.sh
. test/check/tap.sh

program=${CELERIAC:-worker/build/celeriac}

# absent FILE: the names on standard input that FILE does not show as code.
absent()
{
	local name

	[ -f "$1" ] || { echo "there is no $1"; return; }
	while read -r name; do
		grep -qE -- "\`(CALL |SELECT )?$name([^A-Za-z0-9_-]|\$)" "$1" ||
			echo "$1 says nothing of $name"
	done
}

settings()
{
	grep -oE '"celeriac\.[a-z_]+"' src/base/guc.c | tr -d '"' | sort -u
}

sql_objects()
{
	sed -nE 's/^CREATE (OR REPLACE )?(FUNCTION|PROCEDURE|AGGREGATE|TABLE|VIEW|TYPE) (task_[a-z_]+).*/\3/p' \
		src/sql/*.sql | sort -u
}

sdk_functions()
{
	sed -nE 's/^(task_[a-z_]+)\(.*/\1/p' worker/include/celeriac/task.h | sort -u
}

worker_options()
{
	"$program" worker --help | grep -oE '(^|[ ,])--[a-z][a-z-]+' | tr -d ' ,' | sort -u
}

sqlstates()
{
	sed -nE "s/.*MAKE_SQLSTATE\('(.)', *'(.)', *'(.)', *'(.)', *'(.)'\).*/\1\2\3\4\5/p" \
		src/base/errors.h | sort -u
}

settings_documented()
{
	settings | absent docs/configuration.md
}

sql_documented()
{
	sql_objects | absent docs/sql.md
}

sdk_documented()
{
	sdk_functions | absent docs/task-sdk.md
}

options_documented()
{
	worker_options | absent docs/worker.md
}

sqlstates_documented()
{
	sqlstates | absent docs/errors.md
}

# Calls that README and docs show but nobody defines.
calls_exist()
{
	grep -ohE '\btask_[a-z_]+\(' README.md docs/*.md 2>/dev/null | tr -d '(' | sort -u |
		comm -23 - <({ sql_objects; sdk_functions; } | sort -u)
}

# Links between the documents lead somewhere.
links_lead_somewhere()
{
	local file target

	for file in *.md docs/*.md */README.md */*/README.md; do
		[ -f "$file" ] || continue
		grep -oE '\]\([^)#: ]+[#)]' "$file" | sed -E 's/^\]\(//; s/[#)]$//' | sort -u |
			while read -r target; do
				[ -e "$(dirname "$file")/$target" ] || echo "$file links to $target"
			done
	done
}

# Source files that documents and comments name: `name.c`, or with its folder.
named_files()
{
	grep -oE '`[a-z0-9_/]+\.[ch]`' docs/{internals,canvas,concepts}.md worker/README.md \
		test/README.md test/model/README.md | sed 's/^[^:]*://' | tr -d '`'
	find src worker/s* test/unit -name '*.[ch]' ! -path '*/build*' -exec grep -hE '^[[:space:]]*\*|/\*' {} + |
		grep -oE '\b[a-z0-9_/]+\.c\b'
	cat src/sql/*.sql test/model/*.pml | grep -oE '\b[a-z0-9_/]+\.[ch]\b'
}

files_exist()
{
	local files file

	files=$(find src worker test/unit -name '*.[ch]' ! -path '*/build*')
	named_files | sort -u | while read -r file; do
		grep -qE "(^|/)$file\$" <<<"$files" || echo "there is no $file"
	done
}

# The models say in comments which function of src/ a step stands for.
modelled_functions_exist()
{
	local name

	grep -ohE '/\*.*\*/' test/model/*.pml | grep -oE '\b[a-z_]+\(\)' | tr -d '()' | sort -u |
		while read -r name; do
			grep -qrE --include='*.c' "^$name\(" src ||
				echo "src/ has no function $name, which test/model names"
		done
}

check 'settings are in docs/configuration.md' settings_documented
check 'functions, views and types are in docs/sql.md' sql_documented
check 'the SDK is in docs/task-sdk.md' sdk_documented
check "the worker's options are in docs/worker.md" options_documented
check 'error codes are in docs/errors.md' sqlstates_documented
check 'calls the documents show exist' calls_exist
check 'links in the documents lead somewhere' links_lead_somewhere
check 'source files that documents and comments name exist' files_exist
check 'functions that the models name exist' modelled_functions_exist
done_testing
