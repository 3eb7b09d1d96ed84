# What a C task sends is sent exactly once, with the outcome it belongs to: not
# by a task that fails, not when its outcome is refused, and not lost.  In a
# pool and in an executor alike.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @modules = map { Celeriac::build_module($_) } qw(family echo noop);
my $node = Celeriac::new_node(
	'main',
	conf => sprintf(
		"celeriac.executors = 1\nceleriac.modules = '%s'\n",
		join(', ', @modules)));
my $worker = Celeriac::start_worker($node, modules => [ 'family', 'echo', 'noop' ]);

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub send_parent
{
	my ($queue, $how, $signature) = @_;

	return value(
		qq{SELECT task_send('family.parent', jsonb_build_array('$how', '$signature'), queue => '$queue')}
	);
}

# Children of a task, once they have ended.
sub children_of
{
	my ($id) = @_;

	Celeriac::wait_query($node,
		"SELECT count(*) FROM task_message WHERE parent_id = '$id'", '0');
	return value(
		"SELECT name, state, result FROM task_state WHERE parent_id = '$id' AND root_id = '$id' AND sent_by = current_user ORDER BY sent_at, id"
	);
}

foreach my $queue (qw(default server))
{
	my $signature =
	  qq({"task": "echo.add", "args": [3, 4], "options": {"queue": "$queue"}});
	my $sent = join "\n", 'echo.add|SUCCESS|7', 'echo.add|SUCCESS|3',
	  qq(echo.echo|SUCCESS|{"args": [], "kwargs": {"from": "HOW"}}),
	  'noop.noop|SUCCESS|';
	my $id = send_parent($queue, 'send', $signature);

	Celeriac::wait_state($node, $id, 'SUCCESS');
	is(children_of($id), $sent =~ s/HOW/send/r, "$queue: children of a success");

	$id = send_parent($queue, 'ignore', $signature);
	Celeriac::wait_state($node, $id, 'IGNORED');
	is(children_of($id), $sent =~ s/HOW/ignore/r, "$queue: of one that is ignored");

	$id = send_parent($queue, 'fail', $signature);
	Celeriac::wait_state($node, $id, 'FAILURE');
	is(children_of($id), '', "$queue: a failure has none");

	$id = send_parent($queue, 'replace', $signature);
	is(value("SELECT task_get('$id', timeout => '60 s')"),
		'7', "$queue: another takes its place");
	is(value("SELECT name FROM task_state WHERE id = '$id'"),
		'echo.add', "$queue: under its id");

	$id = value(
		qq{SELECT task_send(task_chord(task_group(jsonb_build_object('task', 'family.parent',
			'args', jsonb_build_array('add', '$signature'),
			'options', '{"queue": "$queue"}'::jsonb)::task_signature), task_s('echo.echo')))});
	is( value("SELECT task_get('$id', timeout => '60 s')"),
		'{"args": [["add", 7]], "kwargs": {}}',
		"$queue: another joins the chord");

	$id = send_parent($queue, 'send', '{"nobody": "knows"}');
	Celeriac::wait_state($node, $id, 'FAILURE');
	is(children_of($id), '', "$queue: what is no signature fails the one that sent it");
	like(value("SELECT exc_message FROM task_state WHERE id = '$id'"),
		qr/nobody/, "$queue: and it is told");
	$id = send_parent($queue, 'replace', '{"nobody": "knows"}');
	Celeriac::wait_state($node, $id, 'FAILURE');
}

# Many parents in one batch, each with its own children.
value(
	q{SELECT count(*) FROM task_send_many('family.parent', ARRAY(
	  SELECT jsonb_build_array('send', '{"task": "noop.noop"}') FROM generate_series(1, 500)))}
);
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
is( value(
		q{SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM task_result c
		  JOIN task_result p ON p.id = c.parent_id
		  WHERE p.args @> '["{\"task\": \"noop.noop\"}"]' GROUP BY p.id) AS s}),
	'500|4|4',
	'500 parents in batches');

# Fenced: who does not hold the task sends nothing.
my $id = value(q{SELECT task_send('some.task', queue => 'aside')});
my $outcome =
  q{ARRAY[ROW('%s', %d, 'SUCCESS', NULL, NULL, NULL, NULL, NULL, NULL)::task_outcome], ARRAY['[{"send": {"task": "some.child", "options": {"queue": "aside"}}}]'::jsonb]};
value(q{SELECT task_fetch('me', '{aside}')});
is(value("SELECT task_finish_sending('other', " . sprintf($outcome, $id, 1) . ')'),
	'', 'a stale outcome is refused');
is(children_of($id), '', 'and what it sent with it');
is(value("SELECT task_finish_sending('me', " . sprintf($outcome, $id, 1) . ')'),
	$id, 'the outcome of the holder is accepted');
is(value("SELECT count(*) FROM task_message WHERE parent_id = '$id'"),
	'1', 'and its child is sent');

is($worker->stop, 0, 'the pool stops cleanly');
$node->stop;
done_testing();
