# A child of the pool that dies costs the one task it ran, which is delivered
# again: its siblings, what waits in the pool, and the supervisor go on.  A task
# that kills every child it meets does not go round for ever.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');
my $worker = Celeriac::start_worker(
	$node,
	concurrency => 8,
	modules => [ 'gate', 'crash', 'noop' ]);

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub all_children_up
{
	Celeriac::wait_until('all children', sub { $worker->children == 8 });
	return;
}

#
# One of eight.
#
my $gate = Celeriac::Gate->new($node);
my @ids = $gate->send(8);
$gate->wait_begun(8);
my ($victim) = grep { $_->{id} eq $ids[3] } $gate->begun;
kill 'KILL', $victim->{pid};
$gate->wait_begun(9);
my @again = grep { $_->{delivery} > 1 } $gate->begun;
is(scalar(@again), 1, 'one task is delivered again');
is($again[0]{id}, $victim->{id}, 'the one that the killed child ran');
isnt($again[0]{pid}, $victim->{pid}, 'by another child');
all_children_up();
is( value(
		"SELECT count(*) FROM task_state WHERE deliveries = 1 AND state IN ('RECEIVED', 'STARTED')"
	),
	'7',
	'its siblings run on');
$gate->open;
Celeriac::wait_state($node, $_, 'SUCCESS') foreach @ids;
is(scalar($gate->begun), 9, 'nothing else ran twice');

#
# All eight at once.
#
$gate = Celeriac::Gate->new($node);
@ids = $gate->send(8);
$gate->wait_begun(8);
kill 'KILL', map { $_->{pid} } $gate->begun;
$gate->wait_begun(16);
is( join(' ', sort map { $_->{id} } grep { $_->{delivery} == 2 } $gate->begun),
	join(' ', sort @ids),
	'all children killed: each task is delivered once more');
all_children_up();
$gate->open;
Celeriac::wait_state($node, $_, 'SUCCESS') foreach @ids;

#
# A task that is killed each time it runs.
#
$gate = Celeriac::Gate->new($node);
my ($id) = $gate->send(1);
foreach my $delivery (1 .. 3)
{
	$gate->wait_begun($delivery);
	kill 'KILL', ($gate->begun)[-1]{pid};
}
Celeriac::wait_state($node, $id, 'FAILURE');
is( value(
		"SELECT exc_type, retries, exc_message FROM task_state WHERE id = '$id'"),
	'WorkerLostError|0|the task lost its worker 3 times',
	'after max_deliveries losses a task ends as WorkerLostError');
is(scalar($gate->begun), 3, 'and was delivered no more often');

foreach my $how ('abort', 'segv', 'exit')
{
	$id = Celeriac::send_task($node, 'crash.crash', qq{'["$how"]'});
	Celeriac::wait_state($node, $id, 'FAILURE');
	is(value("SELECT exc_type FROM task_state WHERE id = '$id'"),
		'WorkerLostError', "poison: $how");
}

value(q{SELECT task_define('crash.crash', max_deliveries => 1)});
$id = Celeriac::send_task($node, 'crash.crash', q{'["kill"]'});
Celeriac::wait_state($node, $id, 'FAILURE');
is(value("SELECT exc_message FROM task_state WHERE id = '$id'"),
	'the task lost its worker 1 times', 'max_deliveries can be changed');

#
# Delivered at most once.
#
$gate = Celeriac::Gate->new($node);
($id) = $gate->send(1, 'gate.once');
$gate->wait_begun(1);
kill 'KILL', ($gate->begun)[0]{pid};
Celeriac::wait_state($node, $id, 'FAILURE');
is(value("SELECT exc_type FROM task_state WHERE id = '$id'"),
	'WorkerLostError', 'acks_late => false: not delivered again');
is(scalar($gate->begun), 1, 'it ran once');

#
# Poison among others: only the poison pays.
#
value(
	q{SELECT task_send(CASE WHEN i % 200 = 0 THEN 'crash.crash' ELSE 'noop.noop' END)
	  FROM generate_series(1, 4000) AS i});
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
is( value(
		q{SELECT name, state, count(*) FROM task_result
		  WHERE name = 'noop.noop' OR exc_message LIKE '%1 times'
		  GROUP BY 1, 2 ORDER BY 1}),
	"crash.crash|FAILURE|21\nnoop.noop|SUCCESS|3980",
	'20 crashes among 3,980 tasks cost 20 tasks');
is(value(q{SELECT count(*) FROM task_result WHERE name = 'noop.noop' AND options ? 'lost'}),
	'0', 'no other task was charged with a loss');

all_children_up();
ok($worker->running, 'the supervisor lives');
is($worker->stop, 0, 'and stops cleanly');

$node->stop;
done_testing();
