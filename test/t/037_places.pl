# There is room for fewer queues than there are, so places in shared memory go
# from one queue to another all the time, under the feet of those who fetch, send
# and wait: no task may be forgotten by that, none be taken for one of the queue
# that came in its place, and no lease be left alone.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $room = 64;
my $node = Celeriac::new_node(
	'main',
	conf => qq{
celeriac.max_queues = $room
celeriac.executors = 0
log_statement = none
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# What a session takes from the queue, as priorities.
my $take =
  q{SELECT string_agg(priority::text, ',' ORDER BY n) FROM (SELECT row_number() OVER () AS n, priority, task_succeed(id) FROM task_fetch('w', ARRAY['%s'], max => 10, lease => NULL)) AS t};

# Others are fetched from until none of the queues before has a place.
my $round = 0;

sub push_out
{
	$round++;
	value(qq{SELECT count(task_queue_create('other${round}_' || i)) FROM generate_series(1, 2 * $room) AS i});
	value(qq{SELECT pg_sleep(0.3);
		SELECT count(*) FROM generate_series(1, 2 * $room) AS i, task_fetch('w', ARRAY['other${round}_' || i])});
	return;
}

value(
	q{
SELECT task_queue_create(q) FROM unnest('{one,two,three}'::text[]) AS q;
-- the first tasks of a new database wait for its coordinator
SELECT task_send('first', queue => 'one');
SELECT count(task_succeed(id)) FROM task_fetch('w', '{one}', wait => '60 s');
});

#
# A session that knows where a queue was.
#
my $session = $node->background_psql('postgres');

sub sent_and_taken
{
	my ($name, $queue, @priorities) = @_;
	my $expected = join ',', sort { $b <=> $a } @priorities;

	value("SELECT task_send('some', queue => '$queue', priority => $_)") foreach @priorities;
	is($session->query_safe(sprintf($take, $queue)), $expected, $name);
	return;
}

sent_and_taken('a queue that is in the table', 'one', 3);
push_out();
sent_and_taken('one that lost its place, and got another priority', 'one', 5);
push_out();
sent_and_taken('which lost it again', 'one', 7, 3);
sent_and_taken('and has it still', 'one', 0, 9);
push_out();
is($session->query_safe(sprintf($take, 'one')), '', 'it is looked at when it is empty');
sent_and_taken('tasks of yet another priority come after that', 'one', 4);

# The session that sends knew it as well.
$session->query_safe("SELECT task_send('some', queue => 'one', priority => 4)");
push_out();
is($session->query_safe(sprintf($take, 'one')), '4', 'what was sent before');
value("SELECT count(*) FROM task_fetch('w', '{two}')");
$session->query_safe("SELECT task_send('some', queue => 'one', priority => 8)");
is(value(sprintf($take, 'one')), '8', 'another session takes what this one sends');

#
# A fetch that is undone, whose queue was pushed out meanwhile; and one that is
# overtaken by a commit.
#
value("SELECT task_send('some', queue => 'one', priority => p) FROM generate_series(1, 3) AS p");
$session->query_safe('BEGIN');
is($session->query_safe(sprintf($take, 'one')), '3,2,1', 'a transaction takes what there is');
push_out();
value("SELECT count(*) FROM task_fetch('w', '{one}')");
$session->query_safe('ROLLBACK');
is(value(sprintf($take, 'one')), '3,2,1', 'rolled back, the tasks are there again');

$session->query_safe("BEGIN; SELECT task_send('some', queue => 'one', priority => 2)");
value("SELECT task_send('some', queue => 'one', priority => 2)");
is(value(sprintf($take, 'one')), '2', 'the later of two numbers');
push_out();
is(value(sprintf($take, 'one')), '', 'is all there is');
$session->query_safe('COMMIT');
is(value(sprintf($take, 'one')), '2', 'the earlier one commits late');

#
# Who waits, and who has a lease.
#
my $waiter = $node->background_psql('postgres');
my $waits = q{SELECT waiting_fetches FROM celeriac_database_stats()};

$waiter->query_until(qr/waiting/,
	"\\echo waiting\n" . sprintf($take, 'two') =~ s/max => 10/wait => '100 s'/r . ";\n");
Celeriac::wait_query($node, $waits, '1');
push_out();
my $id = Celeriac::send_task($node, 'some', "queue => 'two', priority => 6");
Celeriac::wait_state($node, $id, 'SUCCESS');
pass('a fetch that waits for a queue without a place is woken');
$waiter->quit;

$id = Celeriac::send_task($node, 'some', "queue => 'three'");
is(value("SELECT count(*) FROM task_fetch('w', '{three}', lease => '0.5 s')"), '1', 'a lease');
push_out();
is( value(
		"SELECT delivery FROM task_fetch('w', '{three}', wait => '100 s', lease => NULL) WHERE id = '$id' AND task_succeed(id)"),
	'2',
	'is ended though its queue has no place');

#
# All at once
#
my $script = $node->basedir . '/churn.sql';
my $queues = 3 * $room;

append_to_file(
	$script, q{
\set q random(1, :queues)
\set p random(0, 255)
SELECT task_send('churn', queue => 'churn' || :q, priority => :p);
\set q random_gaussian(1, :queues, 4)
SELECT count(task_succeed(id)) FROM task_fetch('w', ARRAY['churn' || :q], max => 3, lease => NULL);
});
value("SELECT count(task_queue_create('churn' || i)) FROM generate_series(1, $queues) AS i");
value('TRUNCATE task_result');
$node->command_ok(
	[
		'pgbench', '-n', '-c', 6, '-j', 2, '-t', 1000, '-D', "queues=$queues", '-f', $script,
		'-d', $node->connstr('postgres')
	],
	"many who send to and fetch from $queues queues");
my $left = value('SELECT count(*) FROM task_message');

note("$left of 6000 tasks are left");
is( value(
		"SELECT count(task_succeed(id)) FROM generate_series(1, $queues) AS i, task_fetch('w', ARRAY['churn' || i], max => 10000)"),
	$left,
	'what is left can be fetched');
is(value('SELECT count(*), count(DISTINCT id) FROM task_result'), '6000|6000', 'each task ended, once');
$session->quit;
$node->stop;
done_testing();
