# Segments are emptied by TRUNCATE, which takes rows from under any snapshot.  It
# must never take one that somebody has sent, is about to send, runs or revokes;
# nobody must wait for it, nor it for anybody; and the space must come back
# although an old snapshot is open, also when the server is killed in between.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Executors would only take part in the load.
my $node = Celeriac::new_node('main', conf => q{
celeriac.executors = 0
celeriac.attach_grace = 1s
autovacuum = off
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# The segment of a task, and the file that is behind a segment now.
sub segment_of
{
	return value("SELECT tableoid::regclass FROM task_message WHERE id = '$_[0]'");
}

sub file_of
{
	return value("SELECT pg_relation_filenode('$_[0]')");
}

sub send_to
{
	return Celeriac::send_task($node, 'some.task', "queue => '$_[0]'");
}

# More tasks than a segment is kept for, sent and ended.
sub churn
{
	value(q{SELECT count(*) FROM task_send_many('some.task',
		array_fill('["some arguments"]'::jsonb, ARRAY[3000]), queue => 'churn');
		SELECT task_purge('churn')});
	return;
}

sub current_segment
{
	return value("SELECT 'task_message_' || messages FROM celeriac_current_segments()");
}

# Tasks come and go, and it is quiet: another segment becomes current.
sub churn_and_switch
{
	my $from = current_segment();

	churn();
	Celeriac::wait_until('another segment', sub { return current_segment() ne $from; });
	return;
}

# What the coordinator does to a segment, it does when it has changed another
# one as well.
sub wait_emptied
{
	my ($segment, $file) = @_;

	Celeriac::wait_until("$segment to be emptied", sub { return file_of($segment) ne $file; });
	return;
}

sub churn_until_emptied
{
	my ($segment) = @_;
	my $file = file_of($segment);

	churn_and_switch();
	wait_emptied($segment, $file);
	return;
}

# A full turn while one segment cannot be emptied: the others are.
sub churn_others
{
	my ($segment) = @_;

	foreach my $turn (1 .. 3)
	{
		my $current = current_segment();
		my $file = file_of($current);

		churn_and_switch();
		next if $current eq $segment;
		wait_emptied($current, $file);
	}
	return;
}

sub fetch
{
	my ($session, $queue, $lease) = @_;

	return scalar $session->query_safe(
		"SELECT id || ' ' || delivery FROM task_fetch('w', '{$queue}', lease => $lease)");
}

sub finish
{
	my ($session, $id, $delivery) = @_;

	return scalar $session->query_safe(
		"SELECT task_finish('w', ARRAY[ROW('$id', $delivery, 'SUCCESS', '1', NULL, NULL, NULL, NULL, NULL)::task_outcome])"
	);
}

sub wait_moved
{
	my ($id) = @_;

	churn_and_switch();
	Celeriac::wait_until('the task to be moved',
		sub { return segment_of($id) eq 'task_message'; });
	return;
}

# Neither lost nor there twice.
sub is_once
{
	my ($id, $what) = @_;

	is( value(
			"SELECT (SELECT count(*) FROM task_message WHERE id = '$id') + (SELECT count(*) FROM task_result WHERE id = '$id')"
		),
		1,
		$what);
	return;
}

value(q{SELECT task_define('some.task')});

# Messages go to segments once the coordinator has chosen one.
Celeriac::wait_until('a segment in use', sub { return current_segment() ne 'task_message_0'; });
like(segment_of(send_to('first')), qr/^task_message_\d$/, 'tasks go to a segment');

#
# An old snapshot is open: the space comes back all the same.
#
my $size =
  q{SELECT sum(pg_total_relation_size(c)) FROM unnest('{task_message_1,task_message_2,task_message_3}'::regclass[]) c};
my $reader = $node->background_psql('postgres');
my $other = $node->background_psql('postgres');
my $empty = value($size);

$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
churn();
cmp_ok(value($size), '>', $empty + 500_000, 'tasks take space');
Celeriac::wait_query($node, "SELECT ($size) < $empty + 100000");
is(value(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_xmin IS NOT NULL
	AND state = 'idle in transaction'}), 't', 'it comes back while an old snapshot is open');
is(scalar $reader->query_safe(q{SELECT count(*) FROM task_message WHERE queue = 'churn'}),
	'0', 'to which the segments are empty');
$reader->query_safe('COMMIT');

#
# A reader that holds a segment is not disturbed, and disturbs nobody.
#
$reader->query_safe('BEGIN; SELECT count(*) FROM task_message');
churn();
my $id = send_to('while_read');
my $from = segment_of($id);
is(value(q{SET statement_timeout = '10s'; SELECT count(*) FROM task_fetch('w', '{while_read}')}),
	1, 'tasks are sent and fetched while a segment is read');
is(scalar $reader->query_safe(q{SELECT count(*) FROM task_message WHERE queue = 'while_read'}),
	'1', 'and the reader goes on');
$reader->query_safe('COMMIT');
Celeriac::wait_query($node, "SELECT ($size) < $empty + 100000");
pass('the space comes back when he has gone');

#
# A sender whose transaction is open while its segment ceases to be current.
#
$from = current_segment();
$other->query_safe('BEGIN');
$id = $other->query_safe(q{SELECT task_send('some.task', queue => 'late')});
my $file = file_of($from);
churn_others($from);
is(file_of($from), $file, 'a segment in which somebody writes is not emptied');
$other->query_safe('COMMIT');
wait_emptied($from, $file);
is_once($id, 'and is kept when the segment is emptied');
is(segment_of($id), 'task_message', 'in segment 0');
is((split / /, fetch($other, 'late', "'10 s'"))[0], $id, 'from where it is fetched');
is(finish($other, $id, 1), $id, 'and finished');

# Or is rolled back.
$from = current_segment();
$file = file_of($from);
$other->query_safe('BEGIN');
$id = $other->query_safe(q{SELECT task_send('some.task', queue => 'late')});
churn_and_switch();
$other->query_safe('ROLLBACK');
wait_emptied($from, $file);
pass('a rolled back send holds nothing up');

#
# A task is moved under its claim, its lease.
#
foreach my $lease ('NULL', "'60 s'")
{
	my $what = $lease eq 'NULL' ? 'claimed' : 'leased';

	$id = send_to('moved');
	is(fetch($other, 'moved', $lease), "$id 1", "a task is $what");
	wait_moved($id);
	is(value(q{SELECT count(*) FROM task_fetch('v', '{moved}')}), 0,
		'moved, it is given to nobody else');
	is(scalar $other->query_safe(
			"SELECT count(*) FROM task_extend('w', ARRAY['$id']::uuid[], '60 s')"),
		$lease eq 'NULL' ? 0 : 1, 'its holder holds it as before');
	is(finish($other, $id, 2), '', 'with another delivery number nothing is ended');
	is(finish($other, $id, 1), $id, 'and ends it');
	is_once($id, 'once');
}

# One that runs tells of its progress before and after the move.
$id = send_to('progress');
fetch($other, 'progress', 'NULL');
$other->query_safe("SELECT task_update_state('$id', 'PROGRESS', '1')");
wait_moved($id);
is(value("SELECT state, result FROM task_state WHERE id = '$id'"),
	'PROGRESS|1', 'a state of its own moves with the task');
is(scalar $other->query_safe("SELECT task_update_state('$id', 'PROGRESS', '2')"),
	't', 'and can change after that');
is(finish($other, $id, 1), $id, 'until it ends');

#
# Ended, or revoked, in a transaction that stays open: the segment waits for it.
#
$id = send_to('ending');
$from = segment_of($id);
fetch($other, 'ending', 'NULL');
$other->query_safe('BEGIN');
finish($other, $id, 1);
$file = file_of($from);
churn_and_switch();
is(file_of($from), $file, 'a segment in which somebody ends a task is not emptied');
$other->query_safe('ROLLBACK');
wait_moved($id);
is_once($id, 'an end that is rolled back leaves the task');
is(finish($other, $id, 1), $id, 'which can be ended again');

$id = send_to('revoked');
$from = segment_of($id);
$other->query_safe("BEGIN; SELECT task_revoke('$id'::uuid)");
$file = file_of($from);
churn_and_switch();
is(file_of($from), $file, 'nor one in which somebody revokes a task');
$other->query_safe('COMMIT');
is(value("SELECT state FROM task_state WHERE id = '$id'"), 'REVOKED', 'it is revoked');
wait_emptied($from, $file);
is_once($id, 'once');

#
# A delayed and a retried task are moved with all that belongs to them.
#
$id = value(
	q{SELECT task_send('some.task', '[1, {"a": 2}]', '{"k": "v"}', queue => 'delayed',
	countdown => '10 s', priority => 7, headers => '{"h": 1}', shadow => 'other', expires => now() + '1 hour')}
);
my $row = "SELECT m.* FROM task_message m WHERE id = '$id'";
my $before = value($row);
like(segment_of($id), qr/^task_message_\d$/, 'a task that is due soon is sent like any other');
wait_moved($id);
is(value($row), $before, 'moved, it is the same in every column');
is(value(q{SELECT id FROM task_fetch('v', '{delayed}', wait => '60 s')}), $id,
	'and comes when it is due');
value("SELECT task_revoke('$id'::uuid, true)");

$id = value(q{SELECT task_send('some.task', queue => 'far', eta => now() + '1 day')});
is(segment_of($id), 'task_message', 'a task that is due much later goes to segment 0');
value("SELECT task_revoke('$id'::uuid)");

# Arguments too long for a page.
$id = value(
	q{SELECT task_send('some.task', jsonb_build_array((SELECT string_agg(md5(i::text), '')
	FROM generate_series(1, 2000) i)), queue => 'long')}
);
$before = value("SELECT md5(args::text) FROM task_message WHERE id = '$id'");
wait_moved($id);
is(value("SELECT md5(args::text) FROM task_message WHERE id = '$id'"),
	$before, 'long arguments move as well');
value(q{SELECT task_purge('long')});

#
# The postmaster is killed between the change of segments and the TRUNCATE,
# which a reader keeps from happening.
#
$id = send_to('crash');
$from = segment_of($id);
$reader->query_safe('BEGIN; SELECT count(*) FROM task_message');
churn_and_switch();
$file = file_of($from);
Celeriac::kill_postmaster($node);
is_once($id, 'a task outlives a crash before its segment is emptied');
is(value(q{SELECT count(*) FROM task_message WHERE queue = 'churn'}), 0, 'as does the end of others');
wait_emptied($from, $file);
is_once($id, 'and the segment is emptied after it');
is(segment_of($id), 'task_message', 'without the task');

# In the middle of a move: its insert waits for another transaction that has used
# the id, in a way that no function of ours would.
$reader = $node->background_psql('postgres', on_error_stop => 0);
$id = send_to('crash');
$from = segment_of($id);
$reader->query_safe(
	"BEGIN; INSERT INTO task_message (id, name, queue) VALUES ('$id', 'crash', 'crash')");
$file = file_of($from);
churn();
Celeriac::wait_query($node,
	q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'celeriac coordinator' AND wait_event = 'transactionid'}
);
Celeriac::kill_postmaster($node);
is_once($id, 'a task outlives a crash in the middle of its move');
wait_emptied($from, $file);
is(segment_of($id), 'task_message', 'it moves after that');

#
# What somebody puts into a segment by other means is kept as well.
#
$other = $node->background_psql('postgres');
value(q{SELECT task_queue_create('restored')});
$id = '00000000-0000-7000-8000-000000000042';
foreach my $n (1 .. 3)
{
	value("INSERT INTO task_message_$n (id, name, queue, ready)
		VALUES (overlay('$id' placing '$n' from 36)::uuid, 'some.task', 'restored', nextval('task_ready_seq'))");
}
churn_others('none');
is(value(q{SELECT count(*) FROM task_message WHERE queue = 'restored'}),
	3, 'rows that were restored into segments are not lost');
is(value(q{SELECT count(*) FROM task_fetch('w', '{restored}', max => 10)}), 3, 'and run');

# A trigger of the user's on the tables: SQL serves it.
value(
	q{
CREATE TABLE seen (id uuid);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER see AFTER INSERT ON task_message FOR EACH ROW EXECUTE FUNCTION see();
});
$id = send_to('seen');
is(value("SELECT count(*) FROM seen WHERE id = '$id'"), 1, 'a trigger of the user\'s sees a task');
value('DROP TRIGGER see ON task_message');
like(segment_of(send_to('seen')), qr/^task_message_\d$/, 'without it tasks go to segments again');

$other->quit;
$node->stop;
done_testing();
