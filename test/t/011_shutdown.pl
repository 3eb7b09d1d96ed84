# Stopping a pool loses no task and runs none twice unasked: a warm stop
# finishes what runs and hands back the rest, a cold one hands back everything.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');

# Sends so many sleeping tasks to one child and waits until the first runs.
sub start_and_send
{
	my ($seconds, $count) = @_;
	my $worker = Celeriac::start_worker(
		$node,
		concurrency => 1,
		modules => ['sleep']);

	$node->safe_psql('postgres',
		"SELECT task_send('sleep.sleep', '[$seconds]') FROM generate_series(1, $count)"
	);
	Celeriac::wait_query($node,
		q{SELECT count(*) FROM task_state WHERE state = 'STARTED'}, '1');
	return $worker;
}

sub states
{
	return $node->safe_psql('postgres',
		q{SELECT coalesce(string_agg(state || ' ' || n, ', ' ORDER BY state), '')
		  FROM (SELECT state, count(*) AS n FROM task_state GROUP BY state) AS s}
	);
}

sub forget_all
{
	$node->safe_psql('postgres',
		q{SELECT task_revoke(ARRAY(SELECT id FROM task_message));
		  SELECT count(task_forget(id)) FROM task_result});
	return;
}

# Warm.
my $worker = start_and_send(2, 5);
is($worker->stop('TERM'), 0, 'TERM ends a pool with status 0');
is(states(), 'PENDING 4, SUCCESS 1',
	'what ran has finished, the rest is handed back');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM task_message WHERE deliveries > 0 AND ready IS NULL}),
	'0', 'what was handed back is ready');

# Another pool takes it from there.
$worker = Celeriac::start_worker($node, concurrency => 4, modules => ['sleep']);
Celeriac::wait_query($node,
	q{SELECT count(*) FROM task_state WHERE state = 'SUCCESS'}, '5');
pass('another pool finishes it');
is($worker->stop('INT'), 0, 'INT ends a pool with status 0');
forget_all();

# Cold.
$worker = start_and_send(600, 3);
isnt($worker->stop('QUIT'), 0, 'QUIT ends a pool at once, and it shows');
is(states(), 'PENDING 3', 'everything is handed back');
forget_all();

# Warm, then cold.
$worker = start_and_send(600, 3);
$worker->signal('TERM');
$worker->wait_log(qr/warm/i);
ok($worker->running, 'a warm stop waits for what runs');
isnt($worker->stop('TERM'), 0, 'a second TERM does not');
is(states(), 'PENDING 3', 'everything is handed back');
forget_all();

# Killed: the server notices when the connection breaks.
$worker = start_and_send(600, 3);
my @children = $worker->children;
isnt(scalar(@children), 0, 'there are children');
is($worker->stop('KILL'), 128 + 9, 'KILL ends the supervisor');
Celeriac::wait_query($node,
	q{SELECT count(*) FROM task_state WHERE state = 'PENDING'}, '3');
pass('the server hands its tasks out again');
Celeriac::wait_until('the end of the children',
	sub { return !Celeriac::alive(@children); });
pass('no child survives its supervisor');

$node->stop;
done_testing();
