# With short tasks a few pools are let fetch and the others wait for a seat: they
# must take over when those who have one hang or die, be there again for the next
# task when the queue is drained, and not be kept away from tasks that leave the
# server time.  No task may be lost or run twice in all that.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $pools = 12;
my $many = 64;    # who fetches so many needs a seat
my $seats = 4;    # the fewest
my $node = Celeriac::new_node(
	'main',
	conf => q{
log_statement = none
celeriac.executors = 0
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub start_pools
{
	my ($concurrency) = @_;

	return map
	{
		Celeriac::start_worker(
			$node,
			modules => [ 'noop', 'gate', 'sleep' ],
			concurrency => $concurrency,
			args => [ '--loglevel', 'WARNING' ])
	} 1 .. $pools;
}

sub send_many
{
	my ($count, $name, $args) = @_;

	value("SELECT FROM task_send_many('$name', array_fill('$args'::jsonb, ARRAY[$count]))");
	return;
}

sub wait_drained
{
	Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
	return;
}

# Since the last call: every task was done, and once.
sub is_done
{
	my ($count, $name) = @_;

	is( value('SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE state = $$SUCCESS$$) FROM task_result'),
		"$count|$count|$count", "$name: each task has one result");
	value('TRUNCATE task_result');
	return;
}

# Looks how many workers hold many tasks, again and again until none is left: half
# of the times it were not more.
value(
	qq{
CREATE FUNCTION watch_holders() RETURNS SETOF bigint LANGUAGE plpgsql AS \$\$
BEGIN
	WHILE EXISTS (SELECT FROM task_message) LOOP
		RETURN QUERY SELECT count(*) FROM task_worker WHERE active >= $many;
		PERFORM pg_sleep(0.01);
	END LOOP;
END \$\$});

sub typical_holders
{
	my ($typical, $looks) = split /\|/,
	  value(
		'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY n), count(*) FROM watch_holders() AS n');

	note("in half of $looks looks there were at most $typical pools with $many tasks");
	return $typical;
}

my @pools = start_pools(1);

#
# A drain
#
send_many(100_000, 'noop.noop', '[]');
my $typical = typical_holders();
wait_drained();
cmp_ok($typical, '>', 0, 'pools fetch many short tasks at once');
cmp_ok($typical, '<=', 2 * $seats, 'but few of them do');
is_done(100_000, 'short tasks');

#
# All wait again
#
my $gate = Celeriac::Gate->new($node);
my $slowest = 0;

foreach my $count (1 .. $pools)
{
	my $sent = time;

	$gate->send(1);
	$gate->wait_begun($count);
	$slowest = time - $sent if time - $sent > $slowest;
}
note("the last of $pools slow tasks to begin took $slowest s");
cmp_ok($slowest, '<', 5, 'after a drain every pool takes a slow task at once');
$gate->open;
wait_drained();
is_done($pools, 'slow tasks');

#
# Those who have the seats hang
#
my $tasks = 300_000;

send_many($tasks, 'noop.noop', '[]');
Celeriac::wait_moment($node,
	"(SELECT count(*) FROM task_result) > $tasks / 20 AND (SELECT count(*) FROM task_worker WHERE active >= $many) >= $seats");

my %pid = map { $_->name => $_->pid } @pools;
my @stopped = split /\n/,
  value("SELECT name FROM task_worker ORDER BY active DESC LIMIT $seats");
my $names = join ',', map { "'$_'" } @stopped;
my $stopped_at = time;

kill 'STOP', @pid{@stopped};
my $unfinished = value('SELECT count(*) FROM task_message');
Celeriac::wait_query($node,
	"SELECT NOT EXISTS (SELECT FROM task_state WHERE state = 'PENDING')
		AND (SELECT sum(active) FROM task_worker WHERE name NOT IN ($names)) = 0");
my $took = time - $stopped_at;
my $held = value('SELECT count(*) FROM task_message');

note("$unfinished tasks were left, the stopped pools hold $held, the others took $took s");
cmp_ok($unfinished, '>', $tasks / 2, 'pools were stopped in the midst of a drain');
cmp_ok($held, '>', 0, 'they hold tasks');
cmp_ok($took, '<', 60, 'the others took over');

# half of them come back, half of them do not
my @killed = splice @stopped, 0, @stopped / 2;

kill 'KILL', @pid{@killed};
kill 'CONT', @pid{@stopped};
wait_drained();
is_done($tasks, 'stopped, continued, killed');
is(value('SELECT coalesce(sum(stale), 0) FROM task_worker'), '0', 'no outcome was stale');

my %killed = map { $_ => 1 } @killed;
$killed{ $_->name } ? $_->wait_end : $_->stop foreach @pools;

#
# Tasks that take some time: so many that the looks of the first moments, when
# the pools have just begun to fetch, are few among all
#
@pools = start_pools(8);
send_many(150_000, 'sleep.sleep', '[0.003]');
cmp_ok(typical_holders(), '>', $seats, 'more than the fewest fetch longer tasks');
wait_drained();
is_done(150_000, 'longer tasks');
$_->stop foreach @pools;
done_testing();
