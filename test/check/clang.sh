#!/usr/bin/env bash
#
# clang.sh
#		Everything also compiles with clang, without a warning.

set -u

cd "$(dirname "$0")/../.."
# shellcheck source=test/check/tap.sh
. test/check/tap.sh

clang=$(command -v clang || find /usr/bin -name 'clang-[0-9][0-9]' | sort | tail -n 1)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

build()
{
	local output

	tar --exclude=./.git --exclude='./tmp_check*' --exclude='*.o' --exclude='*.so' \
		--exclude=./worker/build -cf - . | tar -C "$copy" -xf -
	output=$(make -s -C "$copy" -j"$(nproc)" CC="$clang" 2>&1) || printf '%s\n' "$output"
}

if [ -n "$clang" ]; then
	check 'compiles with clang' build
else
	skip 'no clang'
fi
done_testing
