# shellcheck shell=bash
#
# lib.sh
#		What quickstart, test/run and test/postgres share: the packages they
#		need, the server to build against, and a place where a server may run.
#
# The only list of Debian packages in the project is here.

packages_for_build()
{
	echo build-essential pkg-config libjansson-dev libpq-dev \
		"postgresql-$1" "postgresql-server-dev-$1"
}

packages_for_tests()
{
	echo perl libipc-run-perl "postgresql-$1-pgtap"
}

# Task queues that bench/peers compares with; any node and npm will do.
packages_for_peers()
{
	echo redis-tools python3-celery python3-redis
	command -v npm >/dev/null || echo nodejs npm
}

# Not every Debian has these, and what needs them can be skipped.
optional_packages_for_tests()
{
	echo pg-bsd-indent spin
}

optional_packages_for_build()
{
	:
}

optional_packages_for_peers()
{
	:
}

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Runs a command as root: directly, or through sudo.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root or sudo: $*"
	fi
}

# The pg_config to build with: $PG_CONFIG, or that of the newest server whose
# headers are installed; nothing when there is none.
find_pg_config()
{
	local candidate found=

	if [ -n "${PG_CONFIG:-}" ]; then
		echo "$PG_CONFIG"
		return
	fi
	for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V); do
		if [ -x "$candidate" ] && [ -f "$("$candidate" --includedir-server)/postgres.h" ]; then
			found=$candidate
		fi
	done
	[ -n "$found" ] || found=$(command -v pg_config || true)
	if [ -n "$found" ] && [ -f "$("$found" --includedir-server)/postgres.h" ]; then
		echo "$found"
	fi
}

# The major version of PostgreSQL in use, or else the one Debian would install.
postgres_major()
{
	local config

	config=$(find_pg_config)
	if [ -n "$config" ]; then
		"$config" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
	else
		LC_ALL=C apt-cache depends postgresql 2>/dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1
	fi
}

missing_packages()
{
	local package

	for package in "$@"; do
		dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

# Packages talk a lot; what they say is shown when something goes wrong.
apt_get()
{
	local log status=0

	log=$(mktemp)
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
		apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1 || status=$?
	[ $status -eq 0 ] || cat "$log" >&2
	rm -f "$log"
	return $status
}

# available PACKAGE...: those of them that apt can install.
available()
{
	local package

	for package in "$@"; do
		! apt-cache show "$package" >/dev/null 2>&1 || echo "$package"
	done
}

# install_packages build|tests...: installs what is missing, asks nothing.
install_packages()
{
	local kind major missing=() optional=()

	if ! command -v apt-get >/dev/null; then
		[ -n "$(find_pg_config)" ] ||
			die "not a Debian system: install PostgreSQL with its server headers, libpq, jansson and a C compiler first"
		return
	fi
	major=$(postgres_major)
	if [ -z "$major" ]; then
		apt_get update
		major=$(postgres_major)
	fi
	[ -n "$major" ] || die "apt knows no package postgresql"
	for kind in "$@"; do
		# shellcheck disable=SC2046,SC2207
		missing+=($(missing_packages $("packages_for_$kind" "$major")))
		# shellcheck disable=SC2046,SC2207
		optional+=($(missing_packages $("optional_packages_for_$kind")))
	done
	[ ${#missing[@]} -eq 0 ] || apt_get update
	# shellcheck disable=SC2207
	[ ${#optional[@]} -eq 0 ] || missing+=($(available "${optional[@]}"))
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing packages: ${missing[*]}"
	apt_get install --no-install-recommends "${missing[@]}" ||
		die "could not install: ${missing[*]}"
}

# The user who may run a server: PostgreSQL refuses root.
server_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

# as_user USER COMMAND...: runs it as that user, who may be the caller.
as_user()
{
	local user=$1

	shift
	if [ "$user" = "$(id -un)" ]; then
		"$@"
	else
		setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
	fi
}

# copy_tree DIRECTORY: what a checkout holds, without what was built in it.
copy_tree()
{
	mkdir "$1"
	tar --exclude=./.git --exclude=./.quickstart --exclude='./tmp_check*' \
		--exclude=./results --exclude=./output_iso --exclude=./worker/build \
		--exclude=./test/unit/build --exclude=.deps --exclude='*.o' \
		--exclude='*.so' --exclude='*.bc' --exclude='*_table.h' -cf - . | tar -C "$1" -xf -
}

# private_postgres DIRECTORY: a copy of the installed server, below DIRECTORY.
# PostgreSQL finds its files relative to its programs, so "make install" with
# the copy's pg_config needs no privileges and meets no other Celeriac.
# Prints the copy's pg_config.
private_postgres()
{
	local root=$1 config dir

	config=$(find_pg_config)
	for dir in "$("$config" --bindir)" "$("$config" --pkglibdir)" "$("$config" --sharedir)"; do
		mkdir -p "$root$dir"
		tar -C "$dir" --exclude=./bitcode --exclude='./celeriac*' \
			--exclude=./extension/'celeriac*' -cf - . | tar -C "$root$dir" -xf -
	done
	dir=$("$config" --includedir)
	mkdir -p "$root${dir%/*}"
	ln -s "$dir" "$root$dir"
	echo "$root$("$config" --bindir)/pg_config"
}
