# A dump keeps what users made: queues, definitions, tasks not finished and
# results; restored, the tasks run.  Workers and their claims stay behind.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump.sql";

$node->safe_psql(
	'postgres', q{
CREATE FUNCTION add(x int, y int) RETURNS int LANGUAGE sql RETURN x + y;
SELECT task_register('add(int,int)'::regprocedure, max_retries => 7);
SELECT task_define('elsewhere.work', queue => 'media', priority => 4);
});

my $done = Celeriac::send_task($node, 'add', q{'[1, 2]'});
Celeriac::wait_state($node, $done, 'SUCCESS');
my $waiting = Celeriac::send_task($node, 'elsewhere.work', q{'["a"]', '{"b": 1}'});
my $delayed = Celeriac::send_task($node, 'add', q{'[3, 4]', countdown => '1 hour'});
my $claimed = Celeriac::send_task($node, 'elsewhere.work', q{queue => 'claimed'});
is( $node->safe_psql(
		'postgres',
		q{SELECT id FROM task_fetch('gone@test', '{claimed}', lease => '1 hour')}),
	$claimed, 'one task is claimed');

# What a dump must keep, as text.
my $contents = q{
SELECT 'state', id, name, args, kwargs, queue, priority, result, sent_at
FROM task_state ORDER BY id;
SELECT 'queue', name FROM task_queue ORDER BY name;
SELECT 'definition', name, queue, priority, max_retries
FROM task_definition ORDER BY name;
};
my $before = $node->safe_psql('postgres', $contents);

$node->run_log(
	[ 'pg_dump', '--no-sync', '-f', $dump, '-d', $node->connstr('postgres') ])
  or die 'pg_dump failed';
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[
		'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d',
		$node->connstr('restored')
	],
	'the dump restores without an error');
is($node->safe_psql('restored', $contents), $before, 'and is the same');

# It works on.
my $new = Celeriac::send_task($node, 'add', q{'[5, 6]'}, 'restored');
Celeriac::wait_state($node, $new, 'SUCCESS', 'restored');
pass('a new task runs there');
$node->safe_psql('restored',
	"SELECT task_revoke('$delayed'::uuid)");
is( $node->safe_psql('restored',
		"SELECT state FROM task_state WHERE id = '$delayed'"),
	'REVOKED', 'a delayed one can be revoked there');
is( $node->safe_psql('postgres',
		"SELECT state FROM task_state WHERE id = '$delayed'"),
	'PENDING', 'which does not touch the original');
is( $node->safe_psql(
		'restored',
		q{SELECT id FROM task_fetch('w@test', '{media}', lease => '30 s')}),
	$waiting, 'a waiting one can be fetched there');

# The other format.
$node->run_log(
	[
		'pg_dump', '--no-sync', '-Fc', '-f', "$dump.custom", '-d',
		$node->connstr('postgres')
	]) or die 'pg_dump failed';
$node->safe_psql('postgres', 'CREATE DATABASE custom');
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '-d', $node->connstr('custom'),
		"$dump.custom"
	],
	'the custom format restores as well');
is($node->safe_psql('custom', $contents), $before, 'and is the same');

$node->stop;
done_testing();
