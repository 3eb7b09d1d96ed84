# The server is killed in the middle of chords and long chains: none hangs, no
# body runs twice or with a list that is not whole, and the sweep that would
# repair a canvas finds nothing to do, because there is no moment between a
# result and what follows from it.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node(
	'main',
	conf => q{
log_min_messages = warning
celeriac.executors = 2
celeriac.attach_grace = 1s
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

value(
	q{
CREATE TABLE member (chord int, i int);
CREATE TABLE body (chord int, list jsonb);
CREATE TABLE step (chain int, i int);
CREATE FUNCTION member(chord int, i int) RETURNS int LANGUAGE sql AS $$
	INSERT INTO member VALUES (chord, i);
	SELECT i FROM pg_sleep(0.002)
$$;
CREATE FUNCTION body(list jsonb, chord int) RETURNS int LANGUAGE sql AS $$
	INSERT INTO body VALUES (chord, list) RETURNING chord
$$;
CREATE FUNCTION step(before int, chain int) RETURNS int LANGUAGE sql AS $$
	INSERT INTO step VALUES (chain, before + 1) RETURNING step.i
$$;
SELECT task_register(f::regprocedure, max_deliveries => 1000)
	FROM unnest('{member,body,step}'::regproc[]) AS f;

-- What waiting says and what the edges say, in one snapshot.
CREATE VIEW drift AS
	SELECT m.id, m.waiting, count(s.id) FROM task_message AS m
	LEFT JOIN task_edge AS e ON e.target = m.id LEFT JOIN task_message AS s ON s.id = e.source
	GROUP BY m.id, m.waiting HAVING coalesce(m.waiting, 0) <> count(s.id);

CREATE TABLE sent AS SELECT task_send(task_group(VARIADIC ARRAY(
		SELECT task_s('member', chord, i) FROM generate_series(1, 100) AS i)) | task_s('body', chord)) AS id
	FROM generate_series(1, 20) AS chord;
INSERT INTO sent SELECT task_send(task_chain(VARIADIC task_s('step', 0, chain) || array_fill(task_s('step', chain), '{99}')))
	FROM generate_series(1, 5) AS chain;
});
is(value('SELECT count(*) FROM drift'), 0, 'nothing drifted when sent');

for my $round (1 .. 5)
{
	Celeriac::wait_query($node,
		"SELECT (SELECT count(*) FROM member) + (SELECT count(*) FROM step) >= $round * 350");
	Celeriac::kill_postmaster($node);
	is(value('SELECT count(*) FROM drift'), 0, "nothing drifted after crash $round");
}
cmp_ok(value('SELECT count(*) FROM task_message'), '>', 0, 'the crashes were in the middle');
Celeriac::wait_query($node, 'SELECT NOT EXISTS (SELECT FROM task_message)');

is( value('SELECT count(*), count(DISTINCT (chord, i)) FROM member'),
	'2000|2000', 'each member ran once');
is( value('SELECT count(*), count(DISTINCT chord) FROM body'),
	'20|20', 'each body ran once');
is( value(q{SELECT count(*) FROM body
		WHERE list <> (SELECT jsonb_agg(i) FROM generate_series(1, 100) AS i)}),
	0,
	'with the whole list in order');
is( value('SELECT count(*), count(DISTINCT (chain, i)), max(i) FROM step'),
	'500|500|100', 'each step ran once');
is( value(q{SELECT count(*) FROM sent JOIN task_result USING (id) WHERE state = 'SUCCESS'}),
	25, 'all ended well');

# Without a fault the sweep has nothing to say; with one it does what is left to do.
my $fault = qr/waits for another number of tasks than it should/;

unlike(slurp_file($node->logfile), $fault, 'the repair sweep found nothing');
value(
	q{
DELETE FROM sent;
INSERT INTO sent SELECT task_send(task_group(VARIADIC array_fill(
		task_set(task_si('member', 0, 1), '{"queue": "held"}'), '{3}')) | task_s('body', 0));
INSERT INTO sent SELECT task_send(task_set(task_si('step', 0, 0), '{"queue": "held"}') | task_s('step', 0));
UPDATE task_message SET waiting = waiting + 1 WHERE waiting > 0;
SELECT task_succeed(id, '1') FROM task_fetch('me', '{held}', max => 10);
});
is(value('SELECT string_agg(name, $$ $$ ORDER BY name) FROM task_message'),
	'body celeriac.group', 'a wrong count stops a group and what waits for it');
my ($coordinator) = Celeriac::backends($node, 'celeriac coordinator');
value("SELECT pg_terminate_backend($coordinator)");
Celeriac::wait_query($node, 'SELECT NOT EXISTS (SELECT FROM task_message)');
is( value('SELECT string_agg(result::text, $$ $$ ORDER BY result) FROM sent JOIN task_result USING (id)'),
	'0 2', 'until the sweep has put it right');
is(value('SELECT list FROM body WHERE chord = 0'),
	'[1, 1, 1]', 'with the list it should have');

$node->stop;
like(slurp_file($node->logfile), $fault, 'which it reports');
done_testing();
