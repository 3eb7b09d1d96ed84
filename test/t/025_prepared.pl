# A prepared transaction ends in another session than the one that sent its
# tasks: COMMIT PREPARED must make them run, ROLLBACK PREPARED leave nothing.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => 'max_prepared_transactions = 10');

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# Sends in a transaction that is prepared under that name.
sub send_prepared
{
	my ($name, $arguments) = @_;

	return (
		split /\n/,
		value("BEGIN; SELECT task_send($arguments); PREPARE TRANSACTION '$name'"))[0];
}

value(
	q{
CREATE FUNCTION add(x int, y int) RETURNS int LANGUAGE sql RETURN x + y;
SELECT task_register('add(int,int)'::regprocedure);
SELECT task_define('some.task');
SELECT task_queue_create(q) FROM unnest('{passed,waited}'::text[]) AS q;
});

#
# Committed, also after a crash in between.
#
my $id = send_prepared('commit', q{'add', '[1, 2]'});
is(value("SELECT count(*) FROM task_state WHERE id = '$id'"),
	'0', 'what is prepared is not there');
value(q{COMMIT PREPARED 'commit'});
Celeriac::wait_state($node, $id, 'SUCCESS');
is(value("SELECT task_get('$id')"), '3', 'COMMIT PREPARED: it runs');

foreach my $restart (
	sub { Celeriac::crash($node); },
	sub { $node->stop('immediate'); $node->start; })
{
	$id = send_prepared('crash', q{'add', '[3, 4]'});
	$restart->();
	my $other = Celeriac::send_task($node, 'add', q{'[5, 6]'});
	Celeriac::wait_state($node, $other, 'SUCCESS');
	value(q{COMMIT PREPARED 'crash'});
	Celeriac::wait_state($node, $id, 'SUCCESS');
	is(value("SELECT task_get('$id')"), '7', 'it runs after a restart in between');
}

#
# Others went on meanwhile: the task is older than what was fetched since.
#
$id = send_prepared('passed', q{'some.task', queue => 'passed'});
my $younger = Celeriac::send_task($node, 'some.task', q{queue => 'passed'});
is(value(q{SELECT id FROM task_fetch('w', '{passed}')}),
	$younger, 'a younger task is fetched');
is(value(q{SELECT id FROM task_fetch('w', '{passed}')}), '', 'and no other');
value(q{COMMIT PREPARED 'passed'});
is(value(q{SELECT id FROM task_fetch('w', '{passed}')}),
	$id, 'COMMIT PREPARED: the older one is found');

#
# Somebody waits; the timed re-check would come too late for him.
#
$id = send_prepared('waited', q{'some.task', queue => 'waited'});
my $waiter = IPC::Run::start(
	[
		'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c',
		q{SELECT id FROM task_fetch('w', '{waited}', wait => '50 s')}
	],
	'>', \my $found);
Celeriac::wait_query($node,
	q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%50 s%' AND wait_event_type = 'Extension'},
	'1');
value(q{COMMIT PREPARED 'waited'});
$waiter->finish;
chomp $found;
is($found, $id, 'COMMIT PREPARED wakes who waits');

#
# Delayed.
#
$id = send_prepared('delayed', q{'add', '[7, 8]', countdown => '1 s'});
value(q{COMMIT PREPARED 'delayed'});
Celeriac::wait_state($node, $id, 'SUCCESS');
is(value("SELECT task_get('$id')"), '15', 'a delayed task runs when it is due');

#
# Rolled back.
#
my $before = value('SELECT count(*) FROM task_message');
$id = send_prepared('rollback', q{'add', '[1, 1]'});
value(q{ROLLBACK PREPARED 'rollback'});
is(value("SELECT count(*) FROM task_state WHERE id = '$id'"),
	'0', 'ROLLBACK PREPARED: nothing is known of it');
is(value('SELECT count(*) FROM task_message'), $before, 'no message is left');
my ($status, $out, $error) =
  $node->psql('postgres', "SELECT task_get('$id', timeout => '1 s')");
isnt($status, 0, 'nobody can wait for it');

#
# What holds claims cannot be prepared.
#
$id = Celeriac::send_task($node, 'some.task', q{queue => 'waited'});
($status, $out, $error) = $node->psql('postgres',
	q{BEGIN; SELECT task_fetch('w', '{waited}'); PREPARE TRANSACTION 'fetched'});
isnt($status, 0, 'a transaction that fetched cannot be prepared');
like($error, qr/cannot PREPARE a transaction that has fetched/, 'it says why');
is(value(q{SELECT id FROM task_fetch('w', '{waited}')}),
	$id, 'and gives its task back');
is(value('SELECT count(*) FROM pg_prepared_xacts'), '0', 'nothing stays prepared');

$node->stop;
done_testing();
