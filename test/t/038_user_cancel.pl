# A user cancels what an executor runs, just when something else has stopped a
# task there: a time limit, a revoke.  The cancel must not be taken for what came
# before it, and must not reach the task after the one it was meant for.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => "celeriac.executors = 1\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sql(q{
	CREATE FUNCTION sleeps(seconds float8) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_sleep(seconds);
		RETURN 'slept';
	END $$;
	CREATE FUNCTION goes_on() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_sleep(600);
	EXCEPTION WHEN query_canceled THEN
		PERFORM set_config('application_name', 'goes on', false);
		PERFORM pg_sleep(600);
	END $$;
	SELECT task_register('sleeps(float8)'), task_register('goes_on()');
});

sub send_one
{
	my ($name, @options) = @_;

	return sql("SELECT task_send(" . join(', ', "'$name'", @options) . ')');
}

# The executor, once the task sleeps in it.
sub runs
{
	my ($id, $condition) = @_;
	my $pid;

	$condition //= 'true';
	Celeriac::wait_until(
		"task $id",
		sub {
			$pid = sql(
				qq{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'
					AND query LIKE '%[$id]' AND $condition});
		});
	return $pid;
}

sub cancel
{
	sql("SELECT pg_cancel_backend($_[0])");
}

sub ended
{
	my ($id) = @_;

	Celeriac::wait_query($node,
		"SELECT done_at IS NOT NULL FROM task_state WHERE id = '$id'");
	return sql(
		"SELECT concat_ws(' ', state, exc_type) FROM task_state WHERE id = '$id'");
}

# The task itself has caught its soft limit.
my $task = send_one('goes_on', q{soft_time_limit => '0.2 s'});
cancel(runs($task, "application_name = 'goes on'"));
is(ended($task), 'FAILURE 57014 query_canceled',
	'a cancel after a soft limit that was caught is a cancel');

# The task before has ended by its limit, or was revoked.
foreach my $case (
	[ 'a time limit', q{time_limit => '0.2 s'}, 'FAILURE TimeLimitExceeded' ],
	[ 'a soft time limit', q{soft_time_limit => '0.2 s'}, 'FAILURE SoftTimeLimitExceeded' ],
	[ 'a revoke', q{time_limit => '10 min'}, 'REVOKED TaskRevokedError' ])
{
	my ($what, $limit, $end) = @$case;
	my $first = send_one('sleeps', q{'[600]'}, $limit);
	my $second = send_one('sleeps', q{'[600]'});

	if ($end =~ /REVOKED/)
	{
		runs($first);
		sql("SELECT task_revoke('$first'::uuid, terminate => true)");
	}
	cancel(runs($second));
	is(ended($first), $end, "the first task ends by $what");
	is(ended($second), 'FAILURE 57014 query_canceled',
		'the second by a cancel that comes after that');
}

# Limit and cancel arrive at once: the executor is held until both are there.
my $first = send_one('sleeps', q{'[600]'}, q{time_limit => '0.5 s'});
my $second = send_one('sleeps', q{'[0.1]'});
my $pid = runs($first);
kill 'STOP', $pid;
Celeriac::wait_query($node,
	"SELECT clock_timestamp() > started_at + interval '0.5 s' FROM task_state WHERE id = '$first'");
cancel($pid);
kill 'CONT', $pid;
is(ended($first), 'FAILURE TimeLimitExceeded',
	'a cancel and a limit at once end the task by its limit');
is(ended($second), 'SUCCESS', 'and do not reach the next one');

$node->stop;
done_testing();
