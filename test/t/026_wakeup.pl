# No wake-up is lost: senders that send one task and wait for its result meet
# sessions that wait for tasks, for short times and long ones, are cancelled
# while they wait, and end.  One lost wake-up, of a fetch or of task_get, and a
# sender waits in vain: the timed re-check comes later than its patience ends.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{CELERIAC_WAKEUP_ROUNDS} || 1000;
my $node = Celeriac::new_node('main', conf => 'log_statement = none');

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

value(
	q{
CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS '';
SELECT task_register('nothing()'::regprocedure);
SELECT task_queue_create(q) FROM unnest('{lease,session,default}'::text[]) AS q;

-- Fetches and finishes; waits are short or long, and may be cancelled.
CREATE PROCEDURE work(worker text, queue text, lease interval) LANGUAGE plpgsql AS $$
DECLARE
	outcomes task_outcome[];
BEGIN
	LOOP
		BEGIN
			SELECT array_agg(ROW(id, delivery, 'SUCCESS', NULL, NULL, NULL, NULL, NULL, NULL)::task_outcome)
			INTO outcomes
			FROM task_fetch(worker, ARRAY[queue], max => 1 + (random() * 2)::int,
				wait => CASE WHEN random() < 0.5 THEN interval '3 ms' ELSE '1 hour' END,
				lease => lease);
			IF outcomes IS NOT NULL THEN
				PERFORM task_finish(worker, outcomes);
			END IF;
		EXCEPTION WHEN query_canceled THEN
			NULL;
		END;
		COMMIT;
	END LOOP;
END
$$;

-- Cancels one waiter after the other, until there is none.
CREATE PROCEDURE cancel() LANGUAGE plpgsql AS $$
DECLARE
	victim int;
BEGIN
	LOOP
		SELECT pid INTO victim FROM pg_stat_activity
		WHERE query LIKE 'CALL work%' ORDER BY random() LIMIT 1;
		EXIT WHEN NOT FOUND;
		PERFORM pg_cancel_backend(victim);
		COMMIT;
		PERFORM pg_sleep(0.005);
	END LOOP;
END
$$;
});

# A client sends and waits 20 s at most, so many times.  Alone, nobody's next
# wake-up makes good for one that was lost; several meet in more ways.
sub send_and_wait
{
	my ($what, $task, $queue) = @_;
	my $script = $node->basedir . "/$queue.sql";

	append_to_file(
		$script,
		"SELECT task_send('$task', queue => '$queue') AS id \\gset
SELECT task_get(:id::text::uuid, timeout => '20 s');
");
	foreach my $clients (1, 6)
	{
		$node->command_ok(
			[
				'pgbench', '-n', '-M', 'extended', '-c', $clients,
				'-t', $rounds, '-f', $script, '-d', $node->connstr('postgres')
			],
			"$clients clients, $rounds times: $what");
	}
	is( value(
			"SELECT state, count(*) FROM task_state WHERE queue = '$queue' GROUP BY 1"
		),
		'SUCCESS|' . 7 * $rounds,
		'every task ended once');
	note(
		value(
			"SELECT 'send to result, ms: median ' || round(1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 2)
			 || ', 99 % ' || round(1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY t)::numeric, 2)
			 || ', most ' || round(1000 * max(t)::numeric, 2)
			 FROM (SELECT extract(epoch FROM done_at - sent_at)::float8 AS t
				FROM task_state WHERE queue = '$queue') AS s"));
	return;
}

# So many sessions that work on a queue.  A cancel may also come between two
# rounds, and then ends the call: there are more of them.
sub start_sessions
{
	my ($queue, $lease, $count) = @_;

	my @sessions;

	foreach my $session (map { "$queue$_" } 1 .. $count)
	{
		my $script = $node->basedir . "/$session.sql";

		append_to_file($script,
			"CALL work('$session', '$queue', $lease);\n" x 10_000);
		push @sessions,
		  IPC::Run::start(
			[ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-f', $script ],
			'2>', '/dev/null');
	}
	return @sessions;
}

sub end_sessions
{
	my @sessions = @_;

	value(
		q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'CALL work%'});
	$_->finish foreach @sessions;
	return;
}

my @sessions = start_sessions('lease', "'1 hour'", 8);
send_and_wait('sessions that wait, with leases', 'some.task', 'lease');
end_sessions(@sessions);

@sessions = start_sessions('session', 'NULL', 8);
Celeriac::wait_query($node,
	q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL work%'}, '8');
my $cancel = IPC::Run::start(
	[ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', 'CALL cancel()' ]);
send_and_wait('sessions that are cancelled while they wait', 'some.task', 'session');
end_sessions(@sessions);
ok($cancel->finish, 'there were waits to cancel');

my @pools = map {
	Celeriac::start_worker(
		$node,
		modules => ['noop'],
		args => [ '--loglevel', 'WARNING' ])
} 1 .. 3;
send_and_wait('pools', 'noop.noop', 'default');
is($_->stop, 0, 'a pool stops cleanly') foreach @pools;

send_and_wait('executors', 'nothing', 'server');

is(value('SELECT count(*) FROM task_message'), '0', 'nothing is left');
$node->stop;
done_testing();
