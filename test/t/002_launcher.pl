# One coordinator per database that has the extension: it follows CREATE and
# DROP EXTENSION, CREATE, DROP and ALTER DATABASE, a restart and a crash, and it
# stands in nobody's way.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', extension => 0);

sub coordinators_are
{
	my ($databases, $name) = @_;

	ok( $node->poll_query_until(
			'postgres',
			q{SELECT coalesce(string_agg(datname, ' ' ORDER BY datname), '')
			  FROM pg_stat_activity WHERE backend_type = 'celeriac coordinator'},
			$databases),
		$name);
	return;
}

is(scalar(Celeriac::backends($node, 'celeriac launcher')),
	1, 'there is a launcher');
coordinators_are('', 'no coordinator without the extension');

$node->safe_psql('postgres', 'CREATE EXTENSION celeriac');
coordinators_are('postgres', 'CREATE EXTENSION starts a coordinator');

$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'BEGIN; CREATE EXTENSION celeriac; ROLLBACK');
$node->safe_psql('second', 'CREATE SCHEMA s; CREATE EXTENSION celeriac SCHEMA s');
coordinators_are('postgres second', 'a second database has its own');

my $id = Celeriac::send_task($node, 'not.known', q{queue => 'server'});
Celeriac::wait_state($node, $id, 'FAILURE');
is( $node->safe_psql('postgres',
		"SELECT exc_type FROM task_state WHERE id = '$id'"),
	'NotRegistered', 'and executors serve it');

# Dropping.
$node->safe_psql('second', 'DROP EXTENSION celeriac');
coordinators_are('postgres', 'DROP EXTENSION ends it');
is( $node->safe_psql('second',
		q{SELECT count(*) FROM pg_class WHERE relname LIKE 'task\_%'}),
	'0', 'and leaves nothing');
$node->safe_psql('second', 'CREATE EXTENSION celeriac');
coordinators_are('postgres second', 'CREATE EXTENSION again starts it again');
$node->safe_psql('postgres', 'DROP DATABASE second');
coordinators_are('postgres', 'DROP DATABASE is not in the way of one');

# A database made from a template that has the extension.
$node->safe_psql('postgres', 'CREATE DATABASE model');
$node->safe_psql('model', 'CREATE EXTENSION celeriac');
coordinators_are('model postgres', 'a template to be');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE model');
coordinators_are('copy model postgres', 'a copy has a coordinator as well');
$node->safe_psql('postgres', 'ALTER DATABASE copy RENAME TO renamed');
coordinators_are('model postgres renamed', 'it follows ALTER DATABASE RENAME');
$node->safe_psql('postgres', 'DROP DATABASE renamed');
$node->safe_psql('postgres', 'DROP DATABASE model');

# Ends of processes.
my ($coordinator) = Celeriac::backends($node, 'celeriac coordinator', 'postgres');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($coordinator)");
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity
		 WHERE backend_type = 'celeriac coordinator' AND pid <> $coordinator"),
	'a terminated coordinator is replaced');
my ($launcher) = Celeriac::backends($node, 'celeriac launcher');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity
		 WHERE backend_type = 'celeriac launcher' AND pid <> $launcher"),
	'a terminated launcher is replaced');

$node->restart;
coordinators_are('postgres', 'a restart starts it again');

# A crash of one backend restarts all.
($coordinator) = Celeriac::backends($node, 'celeriac coordinator', 'postgres');
kill 'KILL', $coordinator;
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity
		 WHERE backend_type = 'celeriac coordinator' AND pid <> $coordinator"),
	'so does a crash');
$id = Celeriac::send_task($node, 'not.known', q{queue => 'server'});
Celeriac::wait_state($node, $id, 'FAILURE');
pass('and tasks run');

$node->stop;
done_testing();
