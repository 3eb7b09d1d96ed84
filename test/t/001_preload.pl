# The library must be preloaded: without that, CREATE EXTENSION says what to do
# and leaves nothing behind; with it, settings are checked and versions agree.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my ($status, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION celeriac');
isnt($status, 0, 'no extension without the library');
like($err, qr/ERROR:.*celeriac must be loaded/, 'the error says so');
like(
	$err,
	qr/HINT:.*celeriac to shared_preload_libraries and restart/,
	'the hint says what to do');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_class WHERE relname LIKE 'task\_%'}),
	'0', 'nothing is left behind');

($status, $out, $err) = $node->psql('postgres', "LOAD 'celeriac'");
isnt($status, 0, 'the library does not load into a session');
like($err, qr/shared_preload_libraries/, 'and gives the same hint');

$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'celeriac'\nmax_worker_processes = 32");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION celeriac');
is( $node->safe_psql(
		'postgres',
		q{SELECT extversion FROM pg_extension WHERE extname = 'celeriac'}),
	slurp_file("$Celeriac::top/celeriac.control") =~
	  /default_version = '(.*)'/ && $1,
	'the version is that of the control file');

# Settings.
($status, $out, $err) =
  $node->psql('postgres', "SET celeriac.no_such_setting = 1");
isnt($status, 0, 'unknown settings are refused');
($status, $out, $err) = $node->psql('postgres', 'SET celeriac.executors = 1');
like($err, qr/cannot be changed now/, 'cluster settings are not for sessions');

# Another schema than public, and another user's search_path.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other',
	'CREATE SCHEMA tasks; CREATE EXTENSION celeriac SCHEMA tasks');
my $id = $node->safe_psql('other',
	q{SELECT tasks.task_send('nobody.knows', queue => 'nowhere')});
is( $node->safe_psql(
		'other', "SELECT state FROM tasks.task_state WHERE id = '$id'"),
	'PENDING',
	'works from a schema that is not in search_path');

# A failed start is worse than a clear one: the server also runs when there is
# no room for all background workers.
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->restart;
is($node->safe_psql('postgres', 'SELECT 1'), '1',
	'the server runs with few worker slots');

$node->stop;
done_testing();
