# The next step of a canvas, run in the transaction that ended the one before:
# a step must not be lost, run twice, run before the one it waits for or without
# its result, or see what cannot be seen yet; and whoever wants the canvas
# meanwhile must not meet a deadlock.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => "celeriac.executors = 1\n");

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# step hands on what it got, and one more.
value(
	q{
CREATE TABLE effect (chain int, i int, xid xid8 DEFAULT pg_current_xact_id(), PRIMARY KEY (chain, i));
CREATE TABLE stop (chain int, i int);
CREATE FUNCTION step(i int, chain int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO effect VALUES (chain, i + 1);
	IF EXISTS (SELECT FROM stop WHERE stop = (step.chain, step.i + 1)) THEN
		RAISE 'no further than %', i;
	END IF;
	RETURN i + 1;
END $$;
CREATE FUNCTION sends(i int, chain int) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO effect VALUES (chain, i + 1);
	RETURN task_send('step', jsonb_build_array(0, 1000 + chain));
END $$;
CREATE FUNCTION takes(sent uuid, chain int) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO effect VALUES (chain, 2);
	RETURN task_get(sent);
END $$;

-- Its foreign key is met only by the next line.  Some change that, for
-- themselves.
CREATE TABLE parent (i int PRIMARY KEY);
CREATE TABLE child (i int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION deferred(before text, i int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO child VALUES (i);
	INSERT INTO parent VALUES (i);
	IF i % 10 = 5 THEN
		SET CONSTRAINTS ALL IMMEDIATE;
	END IF;
	RETURN pg_current_xact_id();
END $$;

-- It leaves its number behind, and gives the one that it found.
CREATE FUNCTION sets(before text, i int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text := current_setting('steps.number', true);
BEGIN
	PERFORM set_config('steps.number', i::text, i % 2 = 0);
	RETURN concat(before, nullif(found, ''));
END $$;

-- As long as there is a gate, step 2 sleeps, whatever cancels it.
CREATE TABLE gate (open bool);
CREATE TABLE asleep (pid int);
CREATE FUNCTION stubborn(i int, chain int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	woken int := 0;
BEGIN
	INSERT INTO effect VALUES (chain, i + 1);
	WHILE i = 1 AND woken < 1000 LOOP
		BEGIN
			BEGIN
				EXIT WHEN NOT EXISTS (SELECT FROM gate);
				PERFORM pg_advisory_lock(chain);
				PERFORM pg_sleep(10);
			EXCEPTION WHEN query_canceled THEN
				woken := woken + 1;
			END;
		EXCEPTION WHEN query_canceled THEN
			woken := woken + 1;
		END;
	END LOOP;
	RETURN i + 1;
END $$;
SELECT task_register(f::regprocedure, max_deliveries => 100)
	FROM unnest('{step,sends,takes,deferred,sets,stubborn}'::regproc[]) AS f;

-- A chain of that many steps; options are those of its second step.
CREATE FUNCTION chain(name text, chain int, steps int, options jsonb DEFAULT '{}') RETURNS task_signature
LANGUAGE sql AS $$
	SELECT task_chain(VARIADIC ARRAY[task_s(name, 0, chain), task_set(task_s(name, chain), options)]
		|| array_fill(task_s(name, chain), ARRAY[steps - 2]))
$$;
CREATE VIEW chains AS
	SELECT chain, count(*) AS steps, count(DISTINCT xid) AS transactions FROM effect GROUP BY chain;
});

sub wait_all
{
	Celeriac::wait_query($node, q{SELECT NOT EXISTS (SELECT FROM task_message)});
	return;
}

# Only tasks that are known to be short share a transaction: until these are.
my $warmed = 0;

sub warm
{
	my ($name) = @_;

	Celeriac::wait_until(
		"$name to be short",
		sub {
			$warmed--;
			value("SELECT task_send(chain('$name', $warmed, 10))");
			wait_all();
			return value("SELECT transactions < 5 FROM chains WHERE chain = $warmed") eq 't';
		});
	return;
}

warm($_) foreach qw(step stubborn);

# Sharing
my $id = value(q{SELECT task_send(chain('step', 1, 100))});
wait_all();
is(value("SELECT result FROM task_result WHERE id = '$id'"), 100, 'a chain ends well');
is(value('SELECT steps FROM chains WHERE chain = 1'), 100, 'each step once');
cmp_ok(value('SELECT transactions FROM chains WHERE chain = 1'),
	'<', 100, 'its steps share transactions');

value(
	q{
INSERT INTO stop VALUES (2, 6);
SELECT task_send(chain('step', 2, 20));
});
wait_all();
is(value('SELECT count(*), max(i) FROM effect WHERE chain = 2'),
	'5|5', 'a step that fails leaves what those before it did');
is( value(
		q{SELECT state, exc_type, count(*) FROM task_result
			WHERE root_id IN (SELECT coalesce(root_id, id) FROM task_result WHERE args = '[0, 2]')
			OR args = '[0, 2]' GROUP BY 1, 2 ORDER BY 2}),
	"FAILURE|P0001 raise_exception|1\nFAILURE|celeriac.UpstreamError|14\nSUCCESS||5",
	'and fails those after it');

# Not sharing
sub shares
{
	my ($chain, $first, $second) = @_;

	return value(
		"SELECT count(DISTINCT xid) FROM effect WHERE chain = $chain AND i IN ($first, $second)"
	) == 1;
}

value(q{SELECT task_send(chain('step', 3, 3, '{"acks_late": false}'))});
wait_all();
ok(!shares(3, 1, 2), 'what runs at most once begins its transaction');

value(
	q{SELECT task_send(task_group(task_si('step', 0, 4) | task_s('step', 4), task_si('step', 10, 4) | task_s('step', 4)))}
);
wait_all();
ok(!shares(4, 1, 2) && !shares(4, 11, 12), 'so do members of groups');

for my $chain (5 .. 12)
{
	$id = value("SELECT task_send(task_s('sends', 0, $chain) | task_s('takes', $chain))");
	wait_all();
	last if value("SELECT count(*) FROM task_result WHERE id = '$id' AND state <> 'SUCCESS'");
}
is(value("SELECT state, result FROM task_result WHERE id = '$id'"),
	'SUCCESS|1', 'a step can have the result of what the one before has sent');
value(q{SELECT task_send(task_s('sends', 0, 13) | task_si('step', 1, 13))});
wait_all();
ok(!shares(13, 1, 2), 'for it runs in another transaction');

# What one step leaves to the next
for (1 .. 5)
{
	value(
		q{SELECT task_send(task_chain(VARIADIC task_s('deferred', '', n * 100)
			|| ARRAY(SELECT task_s('deferred', n * 100 + i) FROM generate_series(1, 20) AS i)))
			FROM (SELECT coalesce(max(i), 0) / 100 + 1 AS n FROM parent) AS n});
	wait_all();
}
is( value(
		q{SELECT state, count(*) FROM task_result WHERE name = 'deferred' GROUP BY 1}),
	'SUCCESS|105', 'deferred constraints stay deferred');
cmp_ok(
	value(
		q{SELECT count(DISTINCT result) FROM task_result WHERE name = 'deferred'}),
	'<', 105, 'in steps that share a transaction');
for (1 .. 3)
{
	$id = value(
		q{SELECT task_send(task_chain(VARIADIC task_s('sets', '', 0)
			|| ARRAY(SELECT task_s('sets', i) FROM generate_series(1, 20) AS i)))});
	value(
		q{SELECT count(task_send('sets', jsonb_build_array('', i))) FROM generate_series(1, 20) AS i});
	wait_all();
}
is(value(q{SELECT DISTINCT result FROM task_result WHERE name = 'sets'}),
	'""', 'settings end with their task');

# An executor that is in the middle of a step that followed another. On a busy
# machine that may take more than one attempt: what takes long does not follow.
sub send_stubborn
{
	my ($chain) = @_;
	my $pid = '';

	value("INSERT INTO gate VALUES (false); SELECT task_send(chain('stubborn', $chain, 5))");
	Celeriac::wait_until(
		'step 2',
		sub {
			$pid = value(
				"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $chain AND objsubid = 1 AND granted"
			);
			return $pid ne '';
		});
	return value("SELECT count(*) FROM effect WHERE chain = $chain") == 0 ? $pid : undef;
}

sub in_step_two
{
	my ($chain) = @_;
	my $pid;

	Celeriac::wait_until(
		'step 2 before step 1 is committed',
		sub {
			return 1 if defined($pid = send_stubborn($chain));
			value('DELETE FROM gate');
			wait_all();
			value("DELETE FROM effect WHERE chain = $chain;
				SELECT count(task_forget(id)) FROM task_result WHERE args->-1 = '$chain'");
			warm('stubborn');
			return 0;
		});
	return $pid;
}

sub not_before_its_turn
{
	my ($chain, $what) = @_;

	is( value('SELECT count(*) FROM task_message WHERE waiting > 0 AND ready IS NOT NULL'),
		0, "$what: no step is ready before its turn");
	value("DELETE FROM gate; UPDATE task_queue SET paused = false WHERE name = 'server'");
	wait_all();
	is( value("SELECT string_agg(i::text, ' ' ORDER BY i) FROM effect WHERE chain = $chain"),
		'1 2 3 4 5', "$what: each step took effect once");
	is( value(
			"SELECT count(*) FROM task_result WHERE name = 'stubborn' AND state <> 'SUCCESS'"),
		0, "$what: and ended well");
	return;
}

sub pause
{
	value("UPDATE task_queue SET paused = true WHERE name = 'server'");
	return;
}

my $victim = in_step_two(20);
pause();
value("SELECT pg_terminate_backend($victim)");
Celeriac::wait_until('the end of the executor', sub { !kill 0, $victim });
Celeriac::wait_query($node,
	q{SELECT EXISTS (SELECT FROM task_message WHERE waiting = 0 AND options ? 'lost')});
not_before_its_turn(20, 'an executor that had to end');

warm('stubborn');
$victim = in_step_two(21);
pause();
kill 'KILL', $victim;
Celeriac::wait_until('the end of the executor', sub { !kill 0, $victim });
$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
Celeriac::wait_until('a coordinator that has recovered',
	sub { Celeriac::backends($node, 'celeriac executor') });
not_before_its_turn(21, 'after a crash');

# Who has the row of a step keeps those before it no longer than the next.
warm($_) foreach qw(step stubborn);
my $holder = $node->background_psql('postgres');

pause();
value("SELECT task_send(chain('step', 30, 5))");
$holder->query_safe('BEGIN');
$holder->query_safe(
	"SELECT FROM task_message WHERE id = (SELECT id FROM task_message WHERE args = '[30]'
		ORDER BY id OFFSET 1 LIMIT 1) FOR UPDATE");
value("UPDATE task_queue SET paused = false WHERE name = 'server'");
Celeriac::wait_query($node,
	q{SELECT EXISTS (SELECT FROM effect WHERE chain = 30 AND i = 1)});
is(value('SELECT count(*) FROM effect WHERE chain = 30'),
	1, 'a step that has to wait for a row lets the one before it be committed');
$holder->query_safe('COMMIT');
$holder->quit;
wait_all();

# Who wants a step, or all of them, meanwhile.
in_step_two(22);
my $revoke = $node->background_psql('postgres');
$revoke->query_until(qr/asked/,
	"\\echo asked\nSELECT task_revoke(id, terminate => true) FROM task_message WHERE args = '[22]'
		AND id = (SELECT id FROM task_message WHERE args = '[22]' ORDER BY id LIMIT 1);\n");
Celeriac::wait_query($node, q{SELECT NOT EXISTS (SELECT FROM task_message)});
$revoke->quit;
is( value('SELECT count(*) FROM effect WHERE chain = 22 AND i > 1'),
	0, 'a step that is revoked while its transaction is open has no effect');
is( value(
		q{SELECT state, count(*) FROM task_result WHERE args->-1 = '22' GROUP BY 1 ORDER BY 1}),
	"REVOKED|4\nSUCCESS|1",
	'and ends what waits for it');
value('DELETE FROM gate');

warm('stubborn');
in_step_two(23);
$revoke = $node->background_psql('postgres');
$revoke->query_until(qr/asked/,
	"\\echo asked\nSELECT task_revoke(id) FROM task_message WHERE args = '[0, 23]';\n");
Celeriac::wait_query($node,
	q{SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')});
pause();
value('DELETE FROM gate');
wait_all();
$revoke->quit;
value("UPDATE task_queue SET paused = false WHERE name = 'server'");
cmp_ok(value('SELECT count(*) FROM effect WHERE chain = 23'),
	'<', 5, 'a chain that is revoked meanwhile ends when the transaction does');
is( value(
		q{SELECT DISTINCT state FROM task_result WHERE args->-1 = '23' AND state <> 'SUCCESS'}),
	'REVOKED', 'and what was left of it is revoked');

$node->append_conf('postgresql.conf', "celeriac.executors = 2\n");
$node->reload;
Celeriac::wait_query($node, 'SHOW celeriac.executors', 2);
warm('step');
value(q{
CREATE TABLE sent AS SELECT task_send(chain('step', n, 60)) AS id, n FROM generate_series(100, 139) AS n;
CREATE TABLE sent_groups AS SELECT task_send(task_group(VARIADIC ARRAY(
		SELECT chain('step', n * 10 + i, 10) FROM generate_series(0, 4) AS i))) AS id, n
	FROM generate_series(200, 219) AS n;
});

# The whole chain, and steps that wait, while two executors are at it.
sub revoke_while_it_runs
{
	my ($n, $which) = @_;

	Celeriac::wait_query($node,
		"SELECT EXISTS (SELECT FROM effect WHERE chain = $n) OR NOT EXISTS (SELECT FROM task_message WHERE args->-1 = '$n')"
	);
	return value(
		"SELECT count(task_revoke(id)) FROM (SELECT $which AS id FROM task_message WHERE args->-1 = '$n'
			ORDER BY id DESC LIMIT 1) AS m");
}

revoke_while_it_runs($_, $_ % 2 ? 'id' : 'coalesce(root_id, id)') foreach 100 .. 119;
wait_all();
is( value(
		q{SELECT count(*) FROM sent JOIN task_result USING (id)
			WHERE n >= 120 AND state = 'SUCCESS' AND result = '60'}),
	20, 'all chains end');
is( value(
		q{SELECT count(*) FROM sent_groups JOIN task_result USING (id)
			WHERE state = 'SUCCESS' AND result = '[10, 10, 10, 10, 10]'}),
	20, 'and all groups of chains');
is( value(
		q{SELECT count(*) FROM chains
			WHERE chain BETWEEN 120 AND 139 AND steps <> 60 OR chain >= 2000 AND steps <> 10}),
	0, 'each step once');
is( value(
		q{SELECT count(*) FROM effect AS e WHERE chain BETWEEN 100 AND 119 AND i > 1
			AND NOT EXISTS (SELECT FROM effect AS b WHERE b.chain = e.chain AND b.i = e.i - 1)}
	),
	0, 'and none of those that were revoked ran before its turn');

$node->stop;
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nobody met a deadlock');
done_testing();
