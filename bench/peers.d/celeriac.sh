#!/usr/bin/env bash
#
# celeriac.sh
#		Celeriac as one of the systems of bench/peers: C tasks in an external pool,
#		or SQL tasks in executors.

set -euo pipefail

kind=$1 verb=$2 count=${3:-0}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=../../test/lib.sh
. test/lib.sh
# shellcheck source=../lib.sh
. bench/lib.sh
work=$CELERIAC_BENCH_DIR
worker_pid=
trap stop_worker EXIT

case $kind in
	c) task=noop.noop queue=default arguments='["0123456789"]' title='C tasks in a pool' ;;
	sql) task=noop queue=server arguments='[]' title='SQL tasks in the server' ;;
esac

# Executors need no pool.
start_workers()
{
	[ "$kind" = sql ] || start_worker --concurrency 2
}

case $verb in
	title)
		echo "Celeriac, $title"
		;;
	prepare)
		sql -q -f bench/sql/celeriac.sql >/dev/null
		;;
	clear)
		query 'TRUNCATE task_message, task_result'
		;;
	enqueue)
		pgbench -n -M prepared -c 1 -t "$count" -f "bench/sql/send.sql" 2>/dev/null |
			awk '/^tps/ { print $3 }'
		;;
	bulk)
		fill "$task" "$queue" "$arguments" "$count"
		;;
	drain)
		start_workers
		empty "$queue" "$count"
		;;
	latency)
		start_workers
		query "SELECT task_queue_resume('$queue')" >/dev/null
		read -r p50 p99 < <(percentiles "roundtrip_$kind" -t "$count")
		printf '%s\n' "$p50" "$p99"
		;;
esac
