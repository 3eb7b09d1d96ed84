# The external pool, end to end: tasks of C modules and of programs, their
# results and errors, several queues and pools, and what the server shows.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');
my $worker = Celeriac::start_worker(
	$node,
	modules => [ 'noop', 'echo', 'fail', 'progress' ],
	programs => [
			'prog.cat=cat',
		'prog.exit=echo to stderr >&2; exit 3',
		'prog.silent=cat >/dev/null',
		'prog.text=cat >/dev/null; echo no json'
	]);

# task_get's answer, for tasks sent alone.
sub result_of
{
	my ($name, $arguments) = @_;
	my $id = Celeriac::send_task($node, $name, $arguments);

	return $node->safe_psql('postgres',
		"SELECT task_get('$id', timeout => '60 s')");
}

sub failure_of
{
	my ($name, $arguments) = @_;
	my $id = Celeriac::send_task($node, $name, $arguments);

	Celeriac::wait_state($node, $id, 'FAILURE');
	return $node->safe_psql('postgres',
		"SELECT exc_type, exc_message FROM task_state WHERE id = '$id'");
}

# C modules.
is(result_of('noop.noop'), '', 'a task without a result');
is( result_of('echo.echo', q{'["x", 1.5]', '{"k": [true, null, {"ü": "€"}]}'}),
	'{"args": ["x", 1.5], "kwargs": {"k": [true, null, {"ü": "€"}]}}',
	'arguments arrive and the result comes back as they were');
like(failure_of('fail.fail', q{'["ValueError", "bad value"]'}),
	qr/^ValueError\|bad value/, 'a failure tells its type and message');
like(failure_of('nobody.home'), qr/^NotRegistered\|/,
	'an unknown task ends as NotRegistered');

# Maps: the pool calls the task for each item.
sub mapped
{
	my ($signature) = @_;
	my $id = $node->safe_psql('postgres', "SELECT task_send($signature)");

	return $node->safe_psql('postgres',
		"SELECT task_get('$id', timeout => '60 s', propagate => false)");
}
is(mapped(q{task_starmap('echo.add', '[[1.5, 2], [3, 4.25]]')}), '[3.5, 7.25]', 'a starmap');
is(mapped(q{task_chunks('echo.add', '[[1.5, 2], [3, 4.25], [0.5, 1]]', 2)}),
	'[[3.5, 7.25], [1.5]]', 'chunks');
like(mapped(q{task_map('echo.echo', '[1, {"a": []}]')}), qr/"args": \[\{"a": \[\]\}\]/, 'a map');
like(mapped(q{task_map('nobody.home', '[1]')}), qr/NotRegistered.*nobody\.home/,
	'of a task that is unknown');

# Programs.
like(result_of('prog.cat', q{'[1]', '{"a": 2}'}),
	qr/"args": \[1\].*"kwargs": \{"a": 2\}/, 'a program reads the task');
is(result_of('prog.silent'), '', 'no output is no result');
like(failure_of('prog.exit', q{max_retries => 0}),
	qr/^ProgramError\|.*3/, 'an exit status is a failure');
like(failure_of('prog.text'), qr/^\w+\|/, 'output that is no JSON is one');
is(result_of('prog.cat', qq{jsonb_build_array(repeat('%', 3000000))}) =~ tr/%//,
	3000000, 'large arguments pass through');

# Many at once.
$node->safe_psql('postgres',
	q{SELECT count(*) FROM task_send_many('noop.noop',
	  ARRAY(SELECT jsonb_build_array() FROM generate_series(1, 20000)))});
Celeriac::wait_query($node,
	q{SELECT count(*) FROM task_result WHERE name = 'noop.noop' AND state = 'SUCCESS'},
	'20001');
pass('20,000 tasks, each once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM task_message'),
	'0', 'and none is left');

# Two pools, two queues.
my $media = Celeriac::start_worker(
	$node,
	queues => 'media',
	concurrency => 1,
	modules => ['noop']);
my $id = Celeriac::send_task($node, 'noop.noop', q{queue => 'media'});
Celeriac::wait_state($node, $id, 'SUCCESS');
is( $node->safe_psql('postgres',
		"SELECT worker FROM task_state WHERE id = '$id'"),
	$media->name, 'the pool of its queue runs a task');

# What the modules say of themselves can be changed, and the change is kept.
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM task_definition WHERE name = 'noop.noop'}),
	'1', 'a module\'s tasks are defined in the server');

is($media->stop, 0, 'a pool stops cleanly');
is($worker->stop, 0, 'so does the other');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM task_worker WHERE state = 'online' AND name LIKE '%@test'}),
	'0', 'both said good-bye');
ok($worker->log !~ /stale|CRITICAL/, 'no outcome came too late');

$node->stop;
done_testing();
