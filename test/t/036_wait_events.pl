# Somebody looks into pg_stat_activity to see why nothing happens: each wait of
# ours must say what it is for, where the server lets extensions name that, and
# must not be shown under the name of another.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => 'celeriac.executors = 1');
my $named = $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# Whom the condition names comes to wait, in this way and no other.
sub waits_for
{
	my ($name, $condition, $what) = @_;
	my $event = 'Extension|' . ($named ? $name : 'Extension');
	my $seen;

	Celeriac::wait_until(
		$what,
		sub {
			$seen = value(
				"SELECT DISTINCT wait_event_type || '|' || wait_event FROM pg_stat_activity
				WHERE $condition AND wait_event_type = 'Extension'");
			return $seen ne '';
		});
	is($seen, $event, $what);
	return;
}

# A session of its own that runs the statement, which will wait.
sub start_session
{
	return IPC::Run::start(
		[ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', $_[0] ],
		'>', \my $out, '2>', \my $err);
}

value(q{SELECT task_queue_create('empty'); SELECT task_queue_create('kept')});

waits_for('CeleriacMain', "backend_type = 'celeriac launcher'",
	'the launcher has nothing to do');
waits_for('CeleriacMain', "backend_type = 'celeriac coordinator'",
	'the coordinator has nothing to do');
waits_for('CeleriacTask', "backend_type = 'celeriac executor'",
	'an executor waits for tasks');

my $fetch = start_session(q{SELECT task_fetch('w', '{empty}', wait => '1 h')});
waits_for('CeleriacTask', "query LIKE 'SELECT task_fetch%'",
	'a client waits for tasks');

my $wait = start_session(q{CALL task_wait('{empty}', '1 h')});
waits_for('CeleriacTask', "query LIKE 'CALL task_wait%'",
	'a pool waits for tasks');

value(q{SELECT task_define('kept', queue => 'kept')});
my $id = Celeriac::send_task($node, 'kept');
my $get = start_session(qq{SELECT task_get('$id', '1 h')});
waits_for('CeleriacResult', "query LIKE 'SELECT task_get%'",
	'a client waits for a result');

# An executor that is stopped by SIGSTOP cannot leave its database.
value('CREATE DATABASE held');
$node->safe_psql('held', 'CREATE EXTENSION celeriac');
my $executor;
Celeriac::wait_until('an executor of the database to be dropped',
	sub { return (($executor) = Celeriac::backends($node, 'celeriac executor', 'held')); });
kill 'STOP', $executor;
my $drop = start_session('DROP DATABASE held');
waits_for('CeleriacProcesses', "query LIKE 'DROP DATABASE%'",
	'DROP DATABASE waits for our processes to leave');
kill 'CONT', $executor;
$drop->finish;

if ($named)
{
	is( value(
			q{SELECT string_agg(name, ' ' ORDER BY name) FROM pg_wait_events WHERE name LIKE 'Celeriac%'}
		),
		'CeleriacMain CeleriacProcesses CeleriacResult CeleriacTask',
		'the server lists the names');
	Celeriac::crash($node);
	waits_for('CeleriacMain', "backend_type = 'celeriac launcher'",
		'the names are known again after a crash');
}

value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '1 h' AND pid <> pg_backend_pid()});
$_->finish foreach ($fetch, $wait, $get);
$node->stop;

done_testing();
