# Background workers end, are ended, are too many, or in the way: those that
# should be there come back, and no command of others fails because of them.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node(
	'main',
	streaming => 1,
	conf => q{
max_prepared_transactions = 4
celeriac.executors = 3
celeriac.executor_idle_timeout = '200 ms'
});

# The databases that have background workers of a kind, one word each.
sub workers_are
{
	my ($kind, $databases, $name, $server) = @_;

	ok( ($server // $node)->poll_query_until(
			'postgres',
			qq{SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '')
			   FROM pg_stat_activity WHERE backend_type = 'celeriac $kind'},
			$databases),
		$name);
	return;
}

sub the_only
{
	my ($kind, $database) = @_;
	my @pids;

	Celeriac::wait_until(
		"one $kind",
		sub {
			@pids = Celeriac::backends($node, "celeriac $kind", $database);
			return @pids == 1;
		});
	return $pids[0];
}

sub replaced
{
	my ($kind, $pid, $name) = @_;

	ok( $node->poll_query_until(
			'postgres',
			qq{SELECT count(*) = 1 FROM pg_stat_activity
			   WHERE backend_type = 'celeriac $kind' AND pid <> $pid}),
		$name);
	return;
}

#
# As many executors as the work needs.
#
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION hold() RETURNS void LANGUAGE sql
	RETURN pg_advisory_xact_lock_shared(1);
SELECT task_register('hold()'::regprocedure)});
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
workers_are('executor', 'postgres', 'one executor is enough for nothing');
my @ids = map { Celeriac::send_task($node, 'hold') } 1 .. 5;
workers_are('executor', 'postgres postgres postgres',
	'as many as allowed when tasks take long');
Celeriac::wait_query($node,
	q{SELECT count(*) FROM task_state WHERE state = 'STARTED'}, 3);
$holder->quit;
Celeriac::wait_state($node, $_, 'SUCCESS') foreach @ids;
workers_are('executor', 'postgres', 'one when there is no more work');

$node->append_conf('postgresql.conf', 'celeriac.executors = 0');
$node->reload;
workers_are('executor', '', 'none, if so set');
$node->append_conf('postgresql.conf', 'celeriac.executors = 3');
$node->reload;
workers_are('executor', 'postgres', 'and again');

#
# Workers that end, or are interrupted.
#
my $executor = the_only('executor');
my $coordinator = the_only('coordinator');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($coordinator)");
replaced('coordinator', $coordinator, 'a terminated coordinator is replaced');
is(the_only('executor'), $executor, 'its executor is kept by the next one');

$node->safe_psql('postgres', "SELECT pg_terminate_backend($executor)");
replaced('executor', $executor, 'a terminated executor is replaced');

my $launcher = the_only('launcher');
$coordinator = the_only('coordinator');
$node->safe_psql('postgres', 'CREATE DATABASE late');
$node->safe_psql('late', 'CREATE EXTENSION celeriac');
workers_are('coordinator', 'late postgres', 'two databases');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
$node->safe_psql('late', 'DROP EXTENSION celeriac');
replaced('launcher', $launcher, 'a terminated launcher is replaced');
workers_are('coordinator', 'postgres',
	'what happens while there is none is not missed');
is(the_only('coordinator'), $coordinator,
	'the coordinators are kept by the next one');

$node->safe_psql('postgres', "SELECT pg_cancel_backend($_)")
  foreach $coordinator, the_only('launcher');
ok( $node->wait_for_log(qr/LOG:  canceling statement due to user request/),
	'a cancel is noted');
is(the_only('coordinator'), $coordinator, 'and survived');

#
# The extension comes and goes.
#
$executor = the_only('executor', 'postgres');
$node->safe_psql('postgres',
	'BEGIN; DROP EXTENSION celeriac; CREATE EXTENSION celeriac; COMMIT');
replaced('executor', $executor, 'created anew, it has other executors');
is(the_only('coordinator'), $coordinator, 'under the same coordinator');

$node->safe_psql('late',
	q{BEGIN; CREATE EXTENSION celeriac; PREPARE TRANSACTION 'create'});
workers_are('coordinator', 'postgres', 'what is prepared is not there yet');
$node->safe_psql('late', q{COMMIT PREPARED 'create'});
workers_are('executor', 'late postgres', 'COMMIT PREPARED starts workers');
$node->safe_psql('late',
	q{BEGIN; DROP EXTENSION celeriac; PREPARE TRANSACTION 'drop'});
$node->safe_psql('late', q{COMMIT PREPARED 'drop'});
workers_are('coordinator', 'postgres', 'and ends them');
workers_are('executor', 'postgres', 'all of them');

$node->safe_psql('late', 'CREATE SCHEMA s; CREATE EXTENSION celeriac SCHEMA s');
workers_are('executor', 'late postgres', 'in a schema');
$node->safe_psql('late', 'DROP SCHEMA s CASCADE');
workers_are('coordinator', 'postgres', 'DROP SCHEMA CASCADE ends them');
$node->safe_psql('late', 'CREATE EXTENSION celeriac');
workers_are('executor', 'late postgres', 'and again');

#
# Commands that need a database for themselves.
#
$node->safe_psql('postgres', 'CREATE ROLE nobody CREATEDB LOGIN');
my $before = the_only('coordinator', 'late');
foreach my $command (
	'DROP DATABASE late',
	'ALTER DATABASE late RENAME TO taken',
	'CREATE DATABASE copy TEMPLATE late')
{
	isnt($node->psql('postgres', $command, extra_params => [ '-U', 'nobody' ]),
		0, "\"$command\" is for the owner");
}
is(the_only('coordinator', 'late'), $before, 'and stops nothing otherwise');

$node->safe_psql('postgres',
	'BEGIN; ALTER DATABASE late RENAME TO later; ROLLBACK');
workers_are('executor', 'late postgres', 'a rename rolled back');

$node->safe_psql(
	'late', q{
CREATE FUNCTION nap() RETURNS void LANGUAGE sql RETURN pg_sleep(600);
SELECT task_register('nap()'::regprocedure)});
my $id = Celeriac::send_task($node, 'nap', '', 'late');
Celeriac::wait_state($node, $id, 'STARTED', 'late');
$node->safe_psql('postgres',
	'BEGIN; ALTER DATABASE late RENAME TO later; COMMIT');
workers_are('executor', 'later postgres', 'a rename committed');
Celeriac::wait_query($node,
	"SELECT worker LIKE 'executor\@later/%' FROM task_state WHERE id = '$id'",
	't', 'later');
pass('what ran meanwhile runs again');

$node->safe_psql('postgres', 'ALTER DATABASE later IS_TEMPLATE true');
workers_are('coordinator', 'postgres', 'none in templates');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE later');
workers_are('executor', 'copy postgres', 'but in what is made from them');
$node->safe_psql('postgres', 'ALTER DATABASE later IS_TEMPLATE false');
workers_are('executor', 'copy later postgres', 'no template any more');

my $user = $node->background_psql('copy');
isnt($node->psql('postgres', 'DROP DATABASE copy'),
	0, 'a database in use by others stays');
$user->quit;
workers_are('executor', 'copy later postgres', 'and goes on');
$node->safe_psql('postgres', "DROP DATABASE $_") foreach 'copy', 'later';
workers_are('executor', 'postgres', 'dropped');

#
# Databases that come and go at once, with launchers that end.
#
my $script = "$PostgreSQL::Test::Utils::tmp_check/churn.sql";
my @churn;
foreach my $n (1 .. 3)
{
	my $file = "$script.$n";
	append_to_file(
		$file, qq{
CREATE DATABASE churn$n;
\\c churn$n
CREATE EXTENSION celeriac;
DROP EXTENSION celeriac;
CREATE EXTENSION celeriac;
\\c postgres
CREATE DATABASE copy$n TEMPLATE churn$n;
ALTER DATABASE copy$n RENAME TO other$n;
DROP DATABASE churn$n;
DROP DATABASE other$n;
} x 8);
	push @churn,
	  IPC::Run::start(
		[
			'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file,
			'-d', $node->connstr('postgres')
		],
		'2>', \my $error);
}
foreach my $run (@churn)
{
	$node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		  WHERE backend_type = 'celeriac launcher'});
	ok($run->finish, 'databases come and go without an error');
}
workers_are('coordinator', 'postgres', 'one coordinator is left');
workers_are('executor', 'postgres', 'one executor is left');

#
# A standby runs nothing until it is promoted.
#
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(scalar(Celeriac::backends($standby, 'celeriac launcher')),
	0, 'no launcher in a standby');
$standby->promote;
workers_are('executor', 'postgres', 'promoted, it has workers', $standby);
$standby->stop('fast');

#
# Fewer slots than workers.
#
$node->append_conf('postgresql.conf', 'max_worker_processes = 5');
$node->restart;
workers_are('executor', 'postgres', 'five slots: room for one database');
foreach my $database ('x1', 'x2')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION celeriac');
}
ok( $node->wait_for_log(
		qr/no background worker slot is free.*HINT:  You might need to increase max_worker_processes/s
	),
	'a lack of slots is told, with a hint');
$node->safe_psql('postgres', "DROP DATABASE x1");
workers_are('coordinator', 'postgres x2',
	'who had none comes when there is room');

#
# The second executor of one database makes room for the first of another, when
# it has done its task.
#
$node->append_conf('postgresql.conf',
	"max_worker_processes = 7\nceleriac.executors = 3\nceleriac.executor_idle_timeout = '1h'");
$node->restart;
workers_are('executor', 'postgres x2', 'seven slots: an executor each');
$node->safe_psql('postgres', q{
	CREATE FUNCTION held() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(1)';
	SELECT task_register('held()');});
my $lock = $node->background_psql('postgres');
$lock->query_safe('SELECT pg_advisory_lock(1)');
$node->safe_psql('postgres', q{SELECT task_delay('held') FROM generate_series(1, 3)});
Celeriac::wait_query($node, q{SELECT count(*) = 2 FROM task_state WHERE state = 'STARTED'});
$node->safe_psql('postgres', 'CREATE DATABASE x3');
$node->safe_psql('x3', 'CREATE EXTENSION celeriac');
$node->wait_for_log(qr/no background worker slot is free for a celeriac coordinator/);
$lock->query_safe('SELECT pg_advisory_unlock(1)');
$lock->quit;
workers_are('coordinator', 'postgres x2 x3', 'a coordinator has the slot');
Celeriac::wait_query($node, q{SELECT count(*) = 3 FROM task_result WHERE state = 'SUCCESS'});
pass('nothing of what ran was given up');
$node->safe_psql('postgres', 'DROP DATABASE x3');
$node->append_conf('postgresql.conf', 'celeriac.executors = 1');
$node->restart;

#
# A shutdown does not wait for a command that waits.
#
$user = $node->background_psql('x2');
my $drop = IPC::Run::start(
	[ 'psql', '-Xq', '-c', 'DROP DATABASE x2', '-d', $node->connstr('postgres') ],
	'2>', \my $error);
Celeriac::wait_query($node,
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'DROP DATABASE x2%'
	  AND state = 'active'});
$node->stop('fast');
pass('a fast shutdown while DROP DATABASE waits');
$drop->finish;
eval { $user->quit; };

done_testing();
