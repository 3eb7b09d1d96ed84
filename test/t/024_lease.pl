# A client that works by leases may vanish without a trace: its tasks come back
# when the lease is over and not before, also when the server restarts in
# between, and what it says too late is refused.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => 'celeriac.attach_grace = 1s');

# Every call is a session of its own, as behind a pooler.
sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub send_to
{
	my ($queue, $options) = @_;
	my $more = $options ? ", $options" : '';

	return Celeriac::send_task($node, 'some.task', "queue => '$queue'$more");
}

# id and delivery of what the worker gets
sub fetch
{
	my ($worker, $queue, $options) = @_;
	my $more = $options ? ", $options" : '';

	return value(
		"SELECT id || ' ' || delivery FROM task_fetch('$worker', '{$queue}'$more)");
}

sub finish
{
	my ($worker, $id, $delivery, $state) = @_;

	$state //= 'SUCCESS';
	return value(
		"SELECT task_finish('$worker', ARRAY[ROW('$id', $delivery, '$state', '\"$worker\"', NULL, NULL, NULL, NULL, NULL)::task_outcome])"
	);
}

sub stale
{
	return value(q{SELECT coalesce(sum(stale), 0) FROM task_worker});
}

value(q{SELECT task_define('some.task')});

#
# The client vanishes.
#
my $id = send_to('gone');
is(fetch('a', 'gone', "lease => '1 s'"), "$id 1", 'a client takes a task');
my $until = value("SELECT leased_until FROM task_message WHERE id = '$id'");
is(value("SELECT state, worker FROM task_state WHERE id = '$id'"),
	'RECEIVED|a', 'it is the client\'s');
is(fetch('b', 'gone'), '', 'nobody else gets it');
is(fetch('b', 'gone', "wait => '60 s'"),
	"$id 2", 'the client has vanished: another gets it');
is(value("SELECT clock_timestamp() >= '$until'"), 't', 'not before the lease is over');
is(value("SELECT clock_timestamp() < '$until'::timestamptz + interval '5 s'"),
	't', 'but soon after');

my $before = stale();
is(finish('a', $id, 1), '', 'what the first one says is refused');
is(finish('a', $id, 2), '', 'also with the other\'s delivery number');
is(finish('b', $id, 1), '', 'and the other with the first one\'s');
is(stale() - $before, 3, 'which is counted');
is(value("SELECT state FROM task_state WHERE id = '$id'"),
	'RECEIVED', 'and changes nothing');
is(finish('b', $id, 2), $id, 'the holder is heard');
is(finish('b', $id, 2), '', 'once');
is(finish('a', $id, 1, 'FAILURE'), '', 'and nobody after that');
is(value("SELECT state, result, worker FROM task_state WHERE id = '$id'"),
	'SUCCESS|"b"|b', 'the result is the holder\'s');

#
# Over, and nobody else has come.
#
$id = send_to('late');
fetch('a', 'late', "lease => '1 ms'");
Celeriac::wait_query($node, "SELECT state FROM task_state WHERE id = '$id'",
	'PENDING');
is(finish('a', $id, 1), '', 'late is late, even if nobody else has the task');
is(value("SELECT task_extend('a', ARRAY['$id']::uuid[], '1 min')"),
	'', 'a lease that is over cannot be extended');
is(fetch('c', 'late'), "$id 2", 'the task is there for others');
finish('c', $id, 2);

#
# Extended.
#
my $kept = send_to('kept');
my $left = send_to('kept');
is(fetch('a', 'kept', "max => 2, lease => '2 s'"),
	"$kept 1\n$left 1", 'two tasks, one lease');
is(value("SELECT task_extend('b', ARRAY['$kept']::uuid[], '1 hour')"),
	'', 'only the holder can extend a lease');
is(value("SELECT task_extend('a', ARRAY['$kept']::uuid[], '1 hour')"),
	$kept, 'who does');
is(fetch('b', 'kept', "max => 2, wait => '60 s'"),
	"$left 2", 'the one that was not extended comes back alone');
is(finish('a', $kept, 1), $kept, 'the other one is still the client\'s');
finish('b', $left, 2);

#
# Too often.
#
$id = send_to('poison');
foreach my $delivery (1 .. 3)
{
	is(fetch("w$delivery", 'poison', "lease => '1 ms', wait => '60 s'"),
		"$id $delivery", "delivery $delivery");
}
Celeriac::wait_state($node, $id, 'FAILURE');
is(value("SELECT exc_type FROM task_state WHERE id = '$id'"),
	'WorkerLostError', 'three clients vanished over it: it ends');

value(q{SELECT task_define('only.once', acks_late => false)});
$id = Celeriac::send_task($node, 'only.once', q{queue => 'once'});
is(fetch('a', 'once', "lease => '1 ms'"), "$id 1", 'acks_late => false');
Celeriac::wait_state($node, $id, 'FAILURE');
is(fetch('b', 'once'), '', 'is not delivered again');

#
# The server restarts.
#
$kept = send_to('restart');
$left = send_to('restart');
fetch('a', 'restart', "lease => '1 hour'");
fetch('b', 'restart', "lease => '2 s'");
$node->stop('immediate');
$node->start;
is(fetch('c', 'restart', "wait => '60 s'"),
	"$left 2", 'a lease ends after a restart');
is(fetch('c', 'restart'), '', 'not before its time');
is(finish('a', $kept, 1), $kept, 'and its holder is heard');
finish('c', $left, 2);

#
# A fetch that passed a task by, because it was locked, has not lost it.
#
$id = send_to('locked');
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SELECT FROM task_message WHERE id = '$id' FOR UPDATE");
is(fetch('a', 'locked'), '', 'a task that someone has locked is passed by');
$session->query_safe('ROLLBACK');
is(fetch('a', 'locked'), "$id 1", 'and found when he has let go');
finish('a', $id, 1);

$id = send_to('locked');
$session->query_safe("BEGIN; SELECT task_purge('locked')");
is(fetch('a', 'locked'), '', 'so is one that someone purges');
$session->query_safe('ROLLBACK');
is(fetch('a', 'locked'), "$id 1", 'and found when that is undone');
finish('a', $id, 1);

# A fetch undone.
$id = send_to('undone');
$session->query_safe("BEGIN; SELECT task_fetch('a', '{undone}')");
is(fetch('b', 'undone'), '', 'a task fetched in an open transaction is taken');
$session->query_safe('ROLLBACK');
is(fetch('b', 'undone'), "$id 1", 'and free again when that is undone');
finish('b', $id, 1);

# A snapshot older than the task.
$session->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM task_message");
$id = send_to('snapshot');
my ($stdout) = $session->query("SELECT id FROM task_fetch('a', '{snapshot}')");
$session->query('ROLLBACK');
is(fetch('b', 'snapshot'), "$id 1",
	'a fetch with an old snapshot does not hide what it could not see');
finish('b', $id, 1);
$session->quit;

is(value('SELECT count(*) FROM task_message'), '0', 'nothing is left');
$node->stop;
done_testing();
