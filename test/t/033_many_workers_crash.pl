# The postmaster is killed by SIGKILL while 64 pools work: every task whose send
# was committed ends exactly once, with its own outcome; each pool comes back by
# itself and takes part again.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pools = $ENV{CELERIAC_CRASH_POOLS} || 64;
my $blows = 3;
my $connections = 4 * $pools + 50;
my $node = Celeriac::new_node(
	'main',
	conf => qq{
log_statement = none
max_connections = $connections
celeriac.executors = 2
celeriac.attach_grace = 3s
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# n is known from the arguments, so each outcome can be told from all others.
value(
	q{
CREATE TABLE sent (id uuid PRIMARY KEY, n int UNIQUE);
CREATE TABLE effect (n int PRIMARY KEY);
CREATE FUNCTION effect(n int) RETURNS int LANGUAGE sql AS
	'INSERT INTO effect VALUES (n) RETURNING n';
SELECT task_register('effect(int)'::regprocedure, max_deliveries => 1000);
SELECT task_define(t, max_deliveries => 1000) FROM unnest('{echo.add,sleep.nap}'::text[]) AS t;
CREATE FUNCTION send_some(a int, b int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO sent SELECT CASE
		WHEN n % 10 = 0 THEN task_send('effect', jsonb_build_array(n))
		WHEN n % 20 = 1 THEN task_send('sleep.nap', '[0.2]')
		ELSE task_send('echo.add', jsonb_build_array(n, 1)) END, n
	FROM generate_series(a, b) AS n
$$;
-- Sends as long as there is not enough to do, until many tasks have ended and
-- more than half of the pools have one in hand.
CREATE PROCEDURE send_until_busy(pools int, seconds int) LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := clock_timestamp() + make_interval(secs => seconds);
	before int := (SELECT count(*) FROM task_result);
	n int := (SELECT coalesce(max(sent.n), 0) FROM sent);
BEGIN
	LOOP
		IF (SELECT count(*) FROM task_message) < 10000 THEN
			PERFORM send_some(n + 1, n + 10000);
			n := n + 10000;
		END IF;
		COMMIT;
		EXIT WHEN (SELECT count(*) FROM task_result) > before + 2000
			AND (SELECT count(*) FROM task_worker WHERE active > 0) > pools / 2;
		IF clock_timestamp() > until THEN
			RAISE EXCEPTION 'timed out';
		END IF;
		PERFORM pg_sleep(0.002);
	END LOOP;
END
$$;
});

my @pools = map
{
	Celeriac::start_worker(
		$node,
		modules => [ 'echo', 'sleep' ],
		concurrency => 1,
		wait => 0)
} 1 .. $pools;
my $online = q{SELECT count(*) FROM task_worker WHERE state = 'online' AND name NOT LIKE 'executor@%'};

Celeriac::wait_query($node, $online, $pools);

foreach my $blow (1 .. $blows)
{
	value("CALL send_until_busy($pools, $PostgreSQL::Test::Utils::timeout_default)");
	Celeriac::kill_postmaster($node);
	Celeriac::wait_query($node, $online, $pools);
	Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
	my $sent = value('SELECT count(*) FROM sent');
	is(value('SELECT count(*), count(DISTINCT id) FROM task_result'),
		"$sent|$sent", "blow $blow: each task has one result");
}

is(scalar Celeriac::alive(map { $_->pid } @pools), $pools, 'all pools live');
is( value(
		'SELECT count(*) FROM sent WHERE NOT EXISTS (SELECT FROM task_result AS r WHERE r.id = sent.id)'
	),
	'0',
	'no task is lost');
is( value(
		q{SELECT count(*) FROM sent JOIN task_result AS r USING (id) WHERE state <> 'SUCCESS'
		OR (r.name = 'effect' AND result <> to_jsonb(n))
		OR (r.name = 'echo.add' AND result <> to_jsonb(n + 1))}
	),
	'0',
	'each result is its own');
is(value('SELECT count(*) FROM effect'),
	value('SELECT count(*) FROM sent WHERE n % 10 = 0'), 'what SQL tasks wrote is there once');
$_->stop foreach @pools;
done_testing();
