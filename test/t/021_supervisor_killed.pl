# A supervisor that is killed takes its tasks with it: the server notices by the
# broken connection, and they run elsewhere within a second.  One that only
# lost its connection must not apply outcomes that are not its own any more.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = Celeriac::new_node('main');

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub start_pool
{
	return Celeriac::start_worker(
		$node,
		concurrency => 8,
		modules => ['gate']);
}

#
# Killed, with another pool at hand: 8 tasks run there within 1 s.
#
my @slowest;
foreach my $round (1 .. 5)
{
	my $gate = Celeriac::Gate->new($node);
	my $first = start_pool();
	my @ids = $gate->send(8);
	$gate->wait_begun(8);
	my $second = start_pool();
	my @children = $first->children;

	my $killed_at = time;
	is($first->stop('KILL'), 128 + 9, "round $round: a supervisor is killed");
	$gate->wait_begun(16);
	Celeriac::wait_query($node,
		"SELECT count(*) FROM task_state WHERE state = 'STARTED' AND deliveries = 2",
		'8');
	is( value(q{SELECT string_agg(DISTINCT worker, ' ') FROM task_state WHERE state = 'STARTED'}),
		$second->name,
		'its 8 tasks run in another pool');
	my $slowest = value(
		"SELECT max(extract(epoch FROM started_at)) - $killed_at FROM task_state WHERE state = 'STARTED'"
	);
	cmp_ok($slowest, '<', 1, 'within 1 s');
	push @slowest, sprintf '%.3f', $slowest;
	Celeriac::wait_until('the end of the children',
		sub { return !Celeriac::alive(@children); });

	$gate->open;
	Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
	is(scalar($gate->begun), 16, 'each was delivered twice, no more');
	is($second->stop, 0, 'the other pool stops cleanly');
}
note("slowest start elsewhere, in seconds after the kill: @slowest");
is( value(q{SELECT state, count(*), count(DISTINCT id) FROM task_result GROUP BY 1}),
	'SUCCESS|40|40',
	'each task ended once');

#
# Killed while it has more in hand than it runs.
#
my $first = start_pool();
my $gate = Celeriac::Gate->new($node);
my @ids = $gate->send(200);
$gate->wait_begun(8);
my $second = start_pool();
$gate->open;
$first->stop('KILL');
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
is( value(q{SELECT count(*), count(DISTINCT id) FROM task_result WHERE state = 'SUCCESS'}),
	'240|240', 'what waited in the killed pool runs too');
is($second->stop, 0, 'the other pool stops cleanly');

#
# The connection is lost, the pool is not: its outcomes come too late.
#
$gate = Celeriac::Gate->new($node);
$first = start_pool();
@ids = $gate->send(8);
$gate->wait_begun(8);
my $fetching = value(
	q{SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
	  AND backend_type = 'client backend' AND query ~ 'task_(fetch|wait)'});
$second = start_pool();
value("SELECT pg_terminate_backend($fetching)");
$gate->wait_begun(9);
$first->wait_log(qr/8 were given to others/);
$gate->open;
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
is( value(
		'SELECT state, count(*), count(DISTINCT id) FROM task_result WHERE id IN ('
		  . join(', ', map { "'$_'" } @ids)
		  . ') GROUP BY 1'),
	'SUCCESS|8|8',
	'tasks that ran in two pools at once ended once');
is($first->stop, 0, 'the pool that lost its claims stops cleanly');
is($second->stop, 0, 'so does the other');

#
# The same name again: a successor gets nothing for free.
#
$gate = Celeriac::Gate->new($node);
$first = Celeriac::start_worker($node, name => 'same@test', concurrency => 2,
	modules => ['gate']);
@ids = $gate->send(2);
$gate->wait_begun(2);
$first->stop('KILL');
$second = Celeriac::start_worker($node, name => 'same@test', concurrency => 2,
	modules => ['gate']);
$gate->wait_begun(4);
$gate->open;
Celeriac::wait_state($node, $_, 'SUCCESS') foreach @ids;
is(value("SELECT count(*) FROM task_state WHERE id = '$_' AND worker = 'same\@test'"),
	'1', 'a successor of the same name runs what was lost')
  foreach @ids;
$second->stop;

$node->stop;
done_testing();
