# The tables of queues and of workers are full: tasks of queues for which there
# is no room are still all run, each once, in the order of their priorities, and
# whoever waits for them is woken; a worker for which there is none is told so,
# those that are known go on, and one that leaves makes room.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $queues = 200;
my $node = Celeriac::new_node(
	'main',
	conf => qq{
celeriac.max_queues = 64
celeriac.max_workers = 16
celeriac.executors = 1
log_statement = none
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub query_is
{
	my ($query, $expected, $name) = @_;

	return is(value($query), $expected, $name);
}

#
# Queues.
#

# In each queue twenty tasks of five priorities, sent in an order of their own.
# What is fetched is noted in the order of the fetch.
value(
	q{
CREATE TABLE got (n bigserial, how text, queue text, priority int, sent int, id uuid);
CREATE PROCEDURE send_all(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		PERFORM task_send('full.task', jsonb_build_array(i), queue => 'q' || q, priority => (i * 7 % 5) * 60)
		FROM generate_series(first, last) AS q;
		COMMIT;
	END LOOP;
END $$;
CREATE FUNCTION take(how text, q int, max int, lease interval) RETURNS bigint LANGUAGE sql AS $$
	WITH f AS (INSERT INTO got (how, queue, priority, sent, id)
		SELECT take.how, queue, priority, (args ->> 0)::int, id
		FROM task_fetch('w', ARRAY['q' || q], max => take.max, lease => take.lease) RETURNING 1)
	SELECT count(*) FROM f
$$;
CREATE VIEW disorder AS
	SELECT * FROM (SELECT *, lag(priority) OVER w AS p, lag(sent) OVER w AS s FROM got WINDOW w AS (PARTITION BY how, queue ORDER BY n)) AS g
	WHERE p < priority OR p = priority AND s > sent;
-- the first tasks of a new database wait for its coordinator
SELECT task_send('full.first', queue => 'first');
SELECT count(task_succeed(id)) FROM task_fetch('w', '{first}', wait => '60 s');
});
value("CALL send_all(1, $queues)");

# The table is full long before the last of them.
query_is("SELECT count(*), sum(take('lease', q, 3, '1 hour')) FROM generate_series(1, $queues) AS q",
	"$queues|" . 3 * $queues, 'a few of every queue, by lease');
query_is("SELECT sum(take('session', q, 100, NULL)) FROM generate_series(1, $queues) AS q",
	17 * $queues, 'the rest by session claims, which end with the session');
query_is('SELECT count(*) FROM disorder', '0', 'highest priority first, and in the order of sending');
query_is('SELECT count(*) - count(DISTINCT id) FROM got', '0', 'each once');
Celeriac::wait_query($node, q{SELECT NOT EXISTS (SELECT FROM task_message WHERE celeriac_is_claimed(id))});
value('DELETE FROM got WHERE how = $$session$$');

# Claims that are given up, and a fetch that is rolled back: the tasks are where they were.
is( value(
		"BEGIN; SELECT sum(take('rolled back', q, 2, NULL)) FROM generate_series(1, $queues) AS q; ROLLBACK;
		SELECT sum(take('again', q, 100, '1 hour')) FROM generate_series(1, $queues) AS q"),
	2 * $queues . "\n" . 17 * $queues,
	'what a session lost is fetched again');
query_is('SELECT count(*) FROM disorder', '0', 'in the same order');
query_is('SELECT count(*) - count(DISTINCT id) FROM got', '0', 'each once');
query_is('SELECT count(task_succeed(id)) FROM got', 20 * $queues, 'all end');

# A task that becomes visible behind one that was fetched already.
my $late = $node->background_psql('postgres');
$late->query_safe("BEGIN; SELECT task_send('full.late', queue => 'q$queues', priority => 60)");
value("SELECT task_send('full.early', queue => 'q$queues', priority => 60)");
query_is("SELECT count(task_succeed(id)) FROM task_fetch('w', '{q$queues}', max => 10, lease => NULL) WHERE name = 'full.early'",
	'1', 'one is fetched');
$late->query_safe('COMMIT');
$late->quit;
query_is("SELECT count(task_succeed(id)) FROM task_fetch('w', '{q$queues}', max => 10, lease => NULL) WHERE name = 'full.late'",
	'1', 'and one that was sent before it and committed after');

# Whoever waits is woken; a lease that is over is found; a retry comes back.
my $waiter = $node->background_psql('postgres');
$waiter->query_until(qr/waiting/,
	"\\echo waiting\nSELECT count(task_retry(id, '0.1 s')) FROM task_fetch('w', '{q$queues}', wait => '100 s');\n");
Celeriac::wait_query($node, q{SELECT waiting_fetches FROM celeriac_database_stats()}, '2');
my $id = Celeriac::send_task($node, 'full.task', "queue => 'q$queues'");
Celeriac::wait_state($node, $id, 'RETRY');
$waiter->quit;
pass('a fetch that waits is woken');
query_is("SELECT retries FROM task_fetch('w', '{q$queues}', wait => '100 s', lease => '0.2 s')",
	'1', 'a task to be tried again comes back');
query_is("SELECT delivery FROM task_fetch('w', '{q$queues}', wait => '100 s', lease => NULL) WHERE id = '$id' AND task_succeed(id)",
	'3', 'and again when its lease is over');
is(value("SELECT task_queue_pause('q$queues')"), '', 'a queue is paused');
$id = Celeriac::send_task($node, 'full.task', "queue => 'q$queues'");
query_is("SELECT count(*) FROM task_fetch('w', '{q$queues}')", '0', 'nothing comes from it');
value("SELECT task_queue_resume('q$queues')");
query_is("SELECT count(task_succeed(id)) FROM task_fetch('w', '{q$queues}')", '1', 'until it goes on');

# Pools and executors.
value(
	q{CREATE TABLE effect (n int PRIMARY KEY);
	CREATE FUNCTION effect(n int) RETURNS void LANGUAGE sql AS 'INSERT INTO effect VALUES (n)';
	SELECT task_register('effect(int)'::regprocedure, 'effect')});
my @served = map { "q$_" } 150 .. 185;
my @pools = map { Celeriac::start_worker($node, modules => ['echo'], queues => join(',', @served)) } 1 .. 2;
value(
	qq{SELECT count(*) FROM generate_series(150, 185) AS q, task_send_many('echo.add',
		ARRAY(SELECT jsonb_build_array(i, 1) FROM generate_series(1, 200) AS i), queue => 'q' || q, priority => q);
	SELECT count(*) FROM task_send_many('effect', ARRAY(SELECT jsonb_build_array(i) FROM generate_series(1, 2000) AS i))});
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
query_is(
	q{SELECT name, count(*), count(DISTINCT id) FROM task_result WHERE state = 'SUCCESS' AND name IN ('effect', 'echo.add') GROUP BY 1 ORDER BY 1},
	"echo.add|7200|7200\neffect|2000|2000", 'pools and an executor run all of theirs');
is($_->stop, 0, 'a pool stops') foreach @pools;

#
# Workers.
#
my $room = 16;
my $executors = value(q{SELECT count(*) FROM task_worker WHERE state = 'online' AND name LIKE 'executor@%'});
my @sessions;

sub register
{
	my ($name) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	my (undef, $failed) = $session->query("SELECT task_heartbeat('$name')");
	my $error = $failed ? $session->{stderr} : '';

	$session->{stderr} = '';
	return ($session, $error);
}

is($executors, '1', 'an executor is a worker');
foreach my $n ($executors + 1 .. $room)
{
	my ($session, $error) = register("w$n");

	is($error, '', "worker $n of $room");
	push @sessions, $session;
}
my ($one_more, $error) = register('one too many');
like($error, qr/no room for another worker.*celeriac\.max_workers/s, 'there is no room for one more, and the error says what to do');
$id = Celeriac::send_task($node, 'full.task', "queue => 'q1'");
my ($status, $out, $err) = $node->psql('postgres', q{SELECT FROM task_fetch('another', '{q1}', lease => NULL)});
like($err, qr/no room for another worker/, 'a fetch by session claims says it as well');
query_is(q{SELECT count(task_succeed(id)) FROM task_fetch('another', '{q1}')}, '1', 'leases take no room');

# Those that are known go on.
value(q{SELECT count(task_send('full.task', queue => 'q1')) FROM generate_series(1, 10)});
is( $sessions[0]->query_safe(
		q{SELECT count(task_succeed(id)) FROM task_fetch('w2', '{q1}', max => 10, lease => NULL)}),
	'10', 'a worker that is known fetches and finishes');
$id = Celeriac::send_task($node, 'effect', "'[100000]'");
Celeriac::wait_state($node, $id, 'SUCCESS');
pass('so does the executor');

# One that leaves makes room; while it has claims, its name is known.
$id = Celeriac::send_task($node, 'full.task', "queue => 'q1'");
is($sessions[1]->query_safe(q{SELECT count(*) FROM task_fetch('w3', '{q1}', lease => NULL)}), '1', 'one has a task');
$sessions[1]->quit;
Celeriac::wait_state($node, $id, 'PENDING');
is($one_more->query_safe(q{SELECT count(task_succeed(id)) FROM task_fetch('one too many', '{q1}')}),
	'1', 'when it leaves, there is room for another, who gets its task');
is($one_more->query_safe(q{SELECT task_heartbeat('one too many')}), '', 'and it can register');
($status, $out, $err) = $node->psql('postgres', q{SELECT task_heartbeat('w3')});
like($err, qr/no room for another worker/, 'now the other has no room');

# A pool and an executor that start meanwhile: one may get the other's room, and
# both have it when others leave.
my $pool = Celeriac::start_worker($node, modules => ['echo'], queues => 'q1', wait => 0);
$pool->wait_log(qr/no room for another worker/);
my ($executor) = Celeriac::backends($node, 'celeriac executor');
value("SELECT pg_terminate_backend($executor)");
$_->quit foreach @sessions[2 .. 6];
$pool->wait_online if $pool->running;
$id = Celeriac::send_task($node, 'effect', "'[100001]'");
Celeriac::wait_state($node, $id, 'SUCCESS');
pass('SQL tasks run');
$id = Celeriac::send_task($node, 'echo.add', "'[1, 2]', queue => 'q1'");
Celeriac::wait_state($node, $id, 'SUCCESS');
pass('so do those of the pool, which waited for room');
is($pool->stop, 0, 'the pool stops');

$_->quit foreach $one_more, $sessions[0], @sessions[7 .. $#sessions];
$node->stop;
done_testing();
