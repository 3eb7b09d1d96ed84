# What bounds a task of the pool: soft and hard time limits from each place that
# can set them, revoking while it runs, retries, and children that are replaced.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');
my $worker = Celeriac::start_worker(
	$node,
	concurrency => 2,
	modules => [ 'sleep', 'stubborn', 'retry', 'progress', 'noop' ],
	programs => ['prog.sleep=sleep 600']);

# ends_as($id, $state, $pattern of "exc_type|exc_message", $name)
sub ends_as
{
	my ($id, $state, $pattern, $name) = @_;

	Celeriac::wait_state($node, $id, $state);
	like(
		$node->safe_psql('postgres',
			"SELECT exc_type, exc_message FROM task_state WHERE id = '$id'"),
		$pattern,
		$name);
	return;
}

sub send_task { return Celeriac::send_task($node, @_); }

# Time limits: of the message, of the definition, changed by the DBA.
ends_as(
	send_task('sleep.sleep', q{'[600]', soft_time_limit => '0.3 s', max_retries => 0}),
	'FAILURE', qr/^SoftTimeLimitExceeded\|/, 'a soft limit of the message');
ends_as(
	send_task('sleep.sleep', q{'[600]', time_limit => '0.3 s', max_retries => 0}),
	'FAILURE', qr/^TimeLimitExceeded\|/, 'a hard limit of the message');
ends_as(
	send_task('stubborn.limited', q{'[600]', max_retries => 0}),
	'FAILURE', qr/^TimeLimitExceeded\|/,
	'limits of the module: the hard one ends who ignores the soft one');
ends_as(
	send_task('prog.sleep', q{time_limit => '0.3 s', max_retries => 0}),
	'FAILURE', qr/^TimeLimitExceeded\|/, 'a hard limit of a program');
$node->safe_psql('postgres',
	q{UPDATE task_definition SET time_limit = '0.3 s' WHERE name = 'sleep.sleep'});
ends_as(send_task('sleep.sleep', q{'[600]', max_retries => 0}),
	'FAILURE', qr/^TimeLimitExceeded\|/, 'a limit the DBA sets at run time');
$node->safe_psql('postgres',
	q{UPDATE task_definition SET time_limit = NULL WHERE name = 'sleep.sleep'});

# Nobody else was hit: both children work.
my @ids = map { send_task('sleep.sleep', q{'[0.2]'}) } 1 .. 4;
Celeriac::wait_state($node, $_, 'SUCCESS') foreach @ids;
pass('the pool works on');

# Revoking what runs.
my $id = send_task('sleep.sleep', q{'[600]'});
my $program = send_task('prog.sleep');
Celeriac::wait_state($node, $_, 'STARTED') foreach $id, $program;
is( $node->safe_psql('postgres',
		"SELECT task_revoke('$id'::uuid, terminate => true), task_revoke('$program'::uuid, terminate => true, signal => 'KILL')"
	),
	't|t', 'both can be revoked');
ends_as($id, 'REVOKED', qr/^TaskRevokedError\|/, 'a C task is terminated');
ends_as($program, 'REVOKED', qr/^TaskRevokedError\|/, 'a program is, too');

# Without terminate a running task is told, and this one listens.
$id = send_task('sleep.nap', q{'[600]'});
Celeriac::wait_state($node, $id, 'STARTED');
$node->safe_psql('postgres', "SELECT task_revoke('$id'::uuid)");
Celeriac::wait_state($node, $id, 'REVOKED');
pass('a task that asks whether it is revoked ends by itself');

# Anyone may NOTIFY a worker.  It asks the server first, and does so in order:
# when the task that was revoked has ended, the one that was not runs on.
$id = send_task('sleep.sleep', q{'[600]'});
$program = send_task('prog.sleep');
Celeriac::wait_state($node, $_, 'STARTED') foreach $id, $program;
$node->safe_psql(
	'postgres', qq{
	CREATE ROLE stranger LOGIN;
	SET ROLE stranger;
	SELECT pg_notify('task_worker_' || md5('w1\@test'),
		'{"command": "revoke", "id": "$id", "terminate": true, "signal": "KILL"}');
	RESET ROLE;
	SELECT task_revoke('$program'::uuid, terminate => true)});
Celeriac::wait_state($node, $program, 'REVOKED');
is( $node->safe_psql('postgres',
		"SELECT state FROM task_state WHERE id = '$id'"),
	'STARTED', 'a forged command stops nothing');
$node->safe_psql('postgres', "SELECT task_revoke('$id'::uuid, terminate => true)");
Celeriac::wait_state($node, $id, 'REVOKED');

# Retries.
$id = send_task('retry.retry', q{kwargs => '{"until": 2}'});
Celeriac::wait_state($node, $id, 'SUCCESS');
is( $node->safe_psql('postgres',
		"SELECT retries FROM task_state WHERE id = '$id'"),
	'2', 'a task runs again as often as it asks for');
$id = send_task('retry.retry', q{kwargs => '{"until": 9}', max_retries => 2});
Celeriac::wait_state($node, $id, 'FAILURE');
is( $node->safe_psql('postgres',
		"SELECT retries FROM task_state WHERE id = '$id'"),
	'2', 'but not more often than it may');
$id = send_task('retry.retry', q{kwargs => '{"until": 1, "countdown": 600}'});
Celeriac::wait_state($node, $id, 'RETRY');
is( $node->safe_psql('postgres',
		"SELECT eta > now() + '9 min' FROM task_state WHERE id = '$id'"),
	't', 'and not before its time');

is($worker->stop, 0, 'the pool stops');

# Children that are replaced after so many tasks.
$worker = Celeriac::start_worker(
	$node,
	concurrency => 1,
	modules => ['noop'],
	args => [ '--max-tasks-per-child', '10' ]);
my ($first) = $worker->children;
$node->safe_psql('postgres',
	q{SELECT count(*) FROM task_send_many('noop.noop',
	  ARRAY(SELECT jsonb_build_array() FROM generate_series(1, 95)))});
Celeriac::wait_query($node,
	q{SELECT count(*) FROM task_result WHERE name = 'noop.noop' AND state = 'SUCCESS'},
	'95');
Celeriac::wait_until('another child',
	sub { my @now = $worker->children; return @now == 1 && $now[0] != $first; });
pass('a child is replaced, and no task is lost with it');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM task_message WHERE name = 'noop.noop'}),
	'0', 'nor left');
is($worker->stop, 0, 'the pool stops');

# Limits for tasks without one, from the command line.
$worker = Celeriac::start_worker(
	$node,
	concurrency => 1,
	modules => ['sleep'],
	args => [ '--time-limit', '0.4', '--soft-time-limit', '0.2' ]);
ends_as(send_task('sleep.sleep', q{'[600]', max_retries => 0}),
	'FAILURE', qr/^SoftTimeLimitExceeded\|/, 'a limit of the pool');
is($worker->stop, 0, 'the pool stops');

$node->stop;
done_testing();
