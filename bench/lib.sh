# shellcheck shell=bash
#
# lib.sh
#		What bench/run and bench/peers share: a copy of the tree, a server of its
#		own with the settings everything is measured with, and a pool.

# in_copy PROGRAM ARGUMENT...: runs the program again in a copy of the tree below
# /tmp, as a user who may run a server.  CELERIAC_BENCH_DIR tells it so.
in_copy()
{
	local program=$1 user

	shift
	work=$(mktemp -d /tmp/celeriac-bench.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	mkdir "$work/tree"
	tar --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude=.deps \
		--exclude=./worker/build --exclude=node_modules -cf - . | tar -C "$work/tree" -xf -
	user=$(server_user)
	[ "$(id -u)" -ne 0 ] || chown -R "$user:" "$work"
	as_user "$user" env CELERIAC_BENCH_DIR="$work" HOME="$work" \
		"$work/tree/$program" "$@" </dev/null
}

# In the copy: where everything is from now on.
enter_copy()
{
	work=$CELERIAC_BENCH_DIR
	worker_pid=
	export PGHOST=$work PGPORT=5432 PGUSER=postgres PGDATABASE=bench PGDATA=$work/data
}

build()
{
	PG_CONFIG=$(private_postgres "$work/postgres")
	PATH=$(dirname "$PG_CONFIG"):$work/prefix/bin:$PATH
	export PG_CONFIG PATH
	make -s -j"$(nproc)" >"$work/build.log" 2>&1 &&
		make -s install WORKER_PREFIX="$work/prefix" >>"$work/build.log" 2>&1 ||
		{ cat "$work/build.log"; die "the build failed"; }
	cc -O2 -shared -fPIC -Iworker/include test/tasks/noop.c -o "$work/noop.so"
}

start_server()
{
	initdb -A trust -U postgres --no-locale -E UTF8 >"$work/initdb.log"
	cat >>"$PGDATA/postgresql.conf" <<-EOF
	shared_preload_libraries = 'celeriac'
	listen_addresses = ''
	unix_socket_directories = '$work'
	shared_buffers = 1GB
	max_wal_size = 8GB
	checkpoint_timeout = 1h
	max_worker_processes = 16
	max_connections = 600
	EOF
	pg_ctl -w -s -l "$work/server.log" start
	createdb bench
}

stop_all()
{
	stop_worker
	pg_ctl -s -m immediate stop || true
}

sql()
{
	psql -XAt -v ON_ERROR_STOP=1 "$@"
}

query()
{
	sql -c "$1"
}

start_worker()
{
	celeriac worker --module "$work/noop.so" --loglevel warning "$@" \
		>"$work/worker.log" 2>&1 &
	worker_pid=$!
	until [ "$(query "SELECT count(*) FROM task_worker WHERE state = 'online' AND pid IS NOT NULL")" = 1 ]; do
		sleep 0.1
	done
}

stop_worker()
{
	[ -n "$worker_pid" ] || return 0
	kill "$worker_pid" 2>/dev/null || true
	wait "$worker_pid" || true
	worker_pid=
}

# rate COUNT STATEMENT: rows per second of one statement
rate()
{
	sql -c '\timing on' -c "$2" |
		awk -v n="$1" '/^Time:/ { printf "%.0f\n", n / ($2 / 1000) }'
}

# fill TASK QUEUE ARGUMENTS COUNT: tasks per second of sending them at once, into
# a queue that is paused
fill()
{
	query "SELECT task_queue_pause('$2')" >/dev/null
	rate "$4" "SELECT count(*) FROM task_send_many('$1', array_fill('$3'::jsonb, ARRAY[$4]))"
}

# empty QUEUE COUNT: tasks per second, from the resume of the queue to the last result
empty()
{
	local from

	from=$(query "SELECT clock_timestamp() FROM task_queue_resume('$1')")
	wait_empty
	query "SELECT round($2 / extract(epoch FROM max(done_at) - '$from')) FROM task_result"
}

wait_empty()
{
	until [ "$(query 'SELECT count(*) FROM (SELECT FROM task_message LIMIT 1) m')" = 0 ]; do
		sleep 0.05
	done
}

# percentiles SCRIPT OPTION...: p50 and p99 of its transactions, in ms, run as the
# options of pgbench say
percentiles()
{
	local script=$1

	shift
	rm -f "$work"/latency.*
	pgbench -n "$@" -c 1 -l --log-prefix="$work/latency" -f "bench/sql/$script.sql" >/dev/null 2>&1
	sort -n -k3 "$work"/latency.* | awk '{ t[NR] = $3 / 1000 }
		END { printf "%.3f %.3f\n", t[int((NR + 1) / 2)], t[int(NR * 0.99)] }'
}
