#!/usr/bin/env bash
#
# style.sh
#		What the project asks of its source, as far as a script can see it.

set -u

cd "$(dirname "$0")/../.."
# shellcheck source=test/check/tap.sh
. test/check/tap.sh

# Generated tables (*_table.h) are nobody's style.
c_files()
{
	find src worker test examples -name '*.[ch]' ! -name '*_table.h' \
		! -path '*/build*' ! -path '*/tmp_check*' 2>/dev/null | sort
}

all_files()
{
	find . -type f \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sql' -o -name '*.p[lm]' \
		-o -name '*.spec' -o -name '*.sh' -o -name '*.md' -o -name Makefile \
		-o -name '*.py' -o -name '*.mjs' -o -path ./quickstart -o -path ./test/run \
		-o -path ./test/postgres -o -path ./bench/run -o -path ./bench/peers \) ! -path '*/node_modules/*' \
		! -path './tmp_check*' ! -path './.quickstart/*' ! -path '*/build*' \
		! -path './results/*' ! -path './celeriac--*.sql' | sort
}

scripts()
{
	grep -lE '^(#!.*bash|# shellcheck shell=bash)' quickstart test/run \
		$(find test bench examples .ci -type f ! -name '*.[ch]' 2>/dev/null) 2>/dev/null
}

# What the layout is asked of: other versions may differ, and files cannot suit
# two of them.
has_indent()
{
	pg_bsd_indent --version 2>/dev/null | grep -q '^pg_bsd_indent 2\.1\.1 '
}

layout()
{
	c_files | xargs perl test/check/pgindent.pl
}

# Calls without bounds or without errors, and what replaces each.
banned_calls()
{
	c_files | xargs grep -nE \
		'\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|alloca|tmpnam)\(' &&
		echo 'use snprintf, strlcpy, strtol, ... or what worker/src has for it'
	true
}

version_tests()
{
	c_files | grep -vx 'src/base/compat\.[ch]' | xargs grep -n PG_VERSION_NUM
	true
}

left_for_later()
{
	all_files | grep -v test/check/ | xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b'
	true
}

line_comments()
{
	c_files | xargs grep -nE '(^|[;{}[:space:]])//' | grep -v '://'
	true
}

trailing_blanks()
{
	all_files | xargs grep -nE '[[:blank:]]+$'
	true
}

# The server reads it in the encoding of the database.
install_script()
{
	LC_ALL=C grep -n '[^ -~[:blank:]]' src/sql/*.sql
	true
}

# Every file says in its first lines what it is for.
purpose()
{
	local file

	for file in $(c_files); do
		head -n 3 "$file" | grep -q "$(basename "$file")" ||
			echo "$file does not begin with its name and purpose"
	done
}

long_functions()
{
	c_files | while read -r file; do
		awk -v file="$file" '
			/^\{/ { start = NR }
			/^\}/ {
				if (start && NR - start > 100)
					printf "%s:%d: %d lines\n", file, start, NR - start
				start = 0
			}' "$file"
	done
}

shell_syntax()
{
	local file

	for file in $(scripts); do
		bash -n "$file"
	done
}

perl_syntax()
{
	find test -name '*.p[lm]' | grep -v -e '^test/t/' -e Celeriac.pm |
		xargs -n 1 perl -wc 2>&1 | grep -v 'syntax OK$'
	true
}

if has_indent; then
	check 'C is laid out as PostgreSQL does' layout
else
	skip 'the layout of C: there is no pg_bsd_indent 2.1.1'
fi
check 'no unbounded or unchecked calls' banned_calls
check 'server versions are told apart in src/base/compat.[ch] only' version_tests
check 'nothing is left for later' left_for_later
check 'C comments are /* */' line_comments
check 'no trailing blanks' trailing_blanks
check 'the install script is in ASCII' install_script
check 'files say what they are for' purpose
check 'no function is over 100 lines' long_functions
check 'shell scripts parse' shell_syntax
check 'Perl scripts parse' perl_syntax
check 'META.json and CHANGELOG.md agree with the control file' make -s checkver
done_testing
