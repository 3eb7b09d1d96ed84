# The server crashes, or is stopped at once: a committed task is not lost, what
# a SQL task did is there exactly once, pools that live keep what they run, and
# a task to run at most once does not run again.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');
my $log = $node->basedir . '/once.log';

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_all_done
{
	Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
	return;
}

value(
	qq{
CREATE TABLE effect (n int PRIMARY KEY);
CREATE FUNCTION effect(n int) RETURNS int LANGUAGE sql AS
	'INSERT INTO effect VALUES (n) RETURNING n';
SELECT task_register('effect(int)'::regprocedure);
CREATE FUNCTION once(n int) RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	EXECUTE format('COPY (SELECT %s) TO PROGRAM ''cat >>$log''', n);
	PERFORM pg_sleep(0.01);
END
\$\$;
SELECT task_register('once(int)'::regprocedure, acks_late => false);
});
append_to_file($log, '');

#
# SQL tasks: however the server ends, each effect is there once.
#

my %ends = (
	'a backend is killed' => sub { Celeriac::crash($node); },
	'an executor is killed' =>
	  sub { Celeriac::crash($node, 'celeriac executor'); },
	'the coordinator is killed' =>
	  sub { Celeriac::crash($node, 'celeriac coordinator'); },
	'an immediate stop' =>
	  sub { $node->stop('immediate'); $node->start; },
	'a fast stop' => sub { $node->stop('fast'); $node->start; },
	'the postmaster is killed' => sub { Celeriac::kill_postmaster($node); });
my $sent = 0;

foreach my $how (sort keys %ends)
{
	my $first = $sent + 1;

	$sent += 5000;
	value(
		"SELECT count(task_send('effect', jsonb_build_array(i))) FROM generate_series($first, $sent) AS i"
	);
	Celeriac::wait_query($node,
		"SELECT count(*) > 0 FROM effect WHERE n >= $first");
	$ends{$how}->();
	wait_all_done();
	is( value(
			"SELECT count(*), min(n), max(n) FROM effect WHERE n >= $first"),
		"5000|$first|$sent",
		"$how: each effect is there once");
}
is( value(
		q{SELECT state, count(*), count(DISTINCT id) FROM task_result GROUP BY 1}
	),
	"SUCCESS|$sent|$sent",
	'and each task has one result');
is( value(
		'SELECT count(*) FROM task_result AS r JOIN effect ON effect.n = (r.args ->> 0)::int AND r.result = to_jsonb(n)'
	),
	$sent,
	'which belongs to its effect');

#
# A pool keeps what it runs through a crash of the server.
#
my $worker = Celeriac::start_worker(
	$node,
	concurrency => 8,
	modules => ['gate']);
my $gate = Celeriac::Gate->new($node);
my @ids = $gate->send(8);
$gate->wait_begun(8);
my $idle = Celeriac::start_worker(
	$node,
	concurrency => 8,
	modules => ['gate']);
Celeriac::crash($node);
$worker->wait_log(qr/attached again with 8 tasks, 0 were given to others/);
Celeriac::wait_query(
	$node,
	q{SELECT count(*) FROM task_state WHERE state = 'STARTED' AND worker = '}
	  . $worker->name . q{'},
	'8');
pass('after a crash the server knows again what a pool runs');

# something else is dispatched, so that what was not attached would be too
my $other = Celeriac::Gate->new($node);
my @others = $other->send(64);
$other->wait_begun(8);
is(scalar($gate->begun), 8, 'and gives it to nobody else');
$_->open foreach $gate, $other;
Celeriac::wait_state($node, $_, 'SUCCESS') foreach @ids, @others;
is(scalar($gate->begun), 8, 'each ran once');

# Finished while there is no server.
$gate = Celeriac::Gate->new($node);
@ids = $gate->send(8);
$gate->wait_begun(8);
my $held = value(
	q{SELECT string_agg(id || ' ' || worker, E'\n' ORDER BY id) FROM task_state WHERE state IN ('RECEIVED', 'STARTED')}
);
$node->stop('immediate');
$gate->open;
Celeriac::wait_until('an idle pool',
	sub { return $worker->log =~ /reconnect|connection/i; });
$node->start;
wait_all_done();
is(scalar($gate->begun), 8, 'what ends while the server is down ran once');
is( value(
		q{SELECT string_agg(id || ' ' || worker, E'\n' ORDER BY id) FROM task_result WHERE state = 'SUCCESS' AND id IN (}
		  . join(', ', map { "'$_'" } @ids) . ')'),
	$held,
	'and its outcome is delivered later, by the pool that ran it');

#
# At most once.
#
$gate = Celeriac::Gate->new($node);
@ids = $gate->send(8, 'gate.once');
$gate->wait_begun(8);
Celeriac::crash($node);
Celeriac::wait_query($node,
	q{SELECT count(*) FROM task_worker WHERE state = 'online' AND name LIKE '%@test'},
	'2');
$gate->open;
wait_all_done();
is( value(
		q{SELECT state, count(*) FROM task_result WHERE name = 'gate.once' GROUP BY 1}
	),
	'SUCCESS|8',
	'acks_late => false: a pool that lives ends its tasks after a crash');
is(scalar($gate->begun), 8, 'each ran once');
is($idle->stop, 0, 'the idle pool stops cleanly');

$gate = Celeriac::Gate->new($node);
@ids = $gate->send(8, 'gate.once');
$gate->wait_begun(8);
$node->stop('immediate');
$worker->stop('KILL');
$node->start;
$worker = Celeriac::start_worker(
	$node,
	concurrency => 8,
	modules => ['gate']);
wait_all_done();
is( value(
		'SELECT state, exc_type, count(*) FROM task_result WHERE id IN ('
		  . join(', ', map { "'$_'" } @ids)
		  . ') GROUP BY 1, 2'),
	'FAILURE|WorkerLostError|8',
	'server and pool gone: they end as WorkerLostError');
is(scalar($gate->begun), 8, 'and ran once');
is($worker->stop, 0, 'the pool stops cleanly');

# SQL tasks with effects outside the database.
foreach my $round (1 .. 3)
{
	value(
		'SELECT count(task_send(\'once\', jsonb_build_array(i))) FROM generate_series(1, 100) AS i'
	) if $round == 1;
	my $seen = scalar(split /\n/, slurp_file($log));
	Celeriac::wait_until('SQL tasks that run',
		sub { return scalar(split /\n/, slurp_file($log)) > $seen; });
	Celeriac::crash($node);
}
wait_all_done();
my @lines = split /\n/, slurp_file($log);
my %runs;
$runs{$_}++ foreach @lines;
is(scalar(grep { $_ > 1 } values %runs),
	0, 'SQL tasks with acks_late => false: none ran twice');
my %ended = map { split /\|/ } split /\n/,
  value(q{SELECT coalesce(exc_type, state), count(*) FROM task_result WHERE name = 'once' GROUP BY 1});
is(($ended{SUCCESS} // 0) + ($ended{WorkerLostError} // 0),
	100, 'each ended, as SUCCESS or WorkerLostError');
cmp_ok($ended{SUCCESS} // 0, '<=', scalar(@lines), 'no success without a run');
note("at most once over three crashes: ", explain(\%ended));

$node->stop;
done_testing();
