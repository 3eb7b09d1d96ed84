# Results expire by whole segments: none may go before its time, nor stay for
# ever, whatever restarts come in between; a reader keeps them and nobody else
# up; what a canvas still waits for stays.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => q{
celeriac.executors = 0
celeriac.attach_grace = 100ms
celeriac.result_expires = 6s
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# Claimed by the session that ends it: such results go to a segment.
sub run_task
{
	my ($queue) = @_;

	return value(
		qq{SELECT id FROM task_fetch('w', '{$queue}', lease => NULL) \\gset
		SELECT id FROM task_finish('w', ARRAY[ROW(:'id', 1, 'SUCCESS', '"$queue"', NULL, NULL, NULL, NULL, NULL)::task_outcome]) AS id}
	);
}

sub new_result
{
	my ($queue) = @_;

	Celeriac::send_task($node, 'some.task', "queue => '$queue'");
	return run_task($queue);
}

sub segment_of
{
	return value("SELECT tableoid::regclass FROM task_result WHERE id = '$_[0]'");
}

sub set_expires
{
	value("ALTER SYSTEM SET celeriac.result_expires = '$_[0]'; SELECT pg_reload_conf()");
	return;
}

# How old the result was when it was no longer seen, in seconds.
sub age_at_end
{
	my ($id, $done) = @_;

	Celeriac::wait_query($node, "SELECT count(*) FROM task_result WHERE id = '$id'", '0');
	return value("SELECT extract(epoch FROM clock_timestamp() - '$done')");
}

sub done_at
{
	return value("SELECT done_at FROM task_result WHERE id = '$_[0]'");
}

value(q{SELECT task_define('some.task')});
Celeriac::wait_query($node, 'SELECT results > 0 FROM celeriac_current_segments()');

# However a task ends, its result goes where it expires with the others.
foreach my $end ("task_succeed(id, '1')", "task_fail(id, 'Error')", 'task_reject(id, false)')
{
	Celeriac::send_task($node, 'some.task', "queue => 'leased'");
	my $id = value(
		qq{SELECT id FROM task_fetch('w', '{leased}') \\gset
		SELECT $end FROM (SELECT :'id'::uuid AS id) AS t \\g /dev/null
		SELECT :'id'}
	);
	like(segment_of($id), qr/^task_result_\d$/, "$end of a lease: the result is in a segment");
}

#
# One result: not before its time, and soon after.
#
my $id = new_result('one');
my $done = done_at($id);
like(segment_of($id), qr/^task_result_\d$/, 'a result goes to a segment');
my $age = age_at_end($id, $done);
cmp_ok($age, '>=', 6, 'it stays for celeriac.result_expires');
cmp_ok($age, '<', 20, 'and goes soon after');
Celeriac::wait_query($node,
	q{SELECT count(*) FROM celeriac_segment WHERE closed_at IS NOT NULL}, '0');

#
# Restarts, clean and not, while a segment is open and when it is closed.
#
$id = new_result('restart');
$done = done_at($id);
$node->restart;
is(value("SELECT count(*) FROM task_result WHERE id = '$id'"), 1, 'a result outlives a restart');
Celeriac::wait_query($node,
	q{SELECT count(*) > 0 FROM celeriac_segment WHERE closed_at IS NOT NULL});
is(value("SELECT count(*) FROM task_result WHERE id = '$id'"), 1, 'its segment is closed');
Celeriac::kill_postmaster($node);
$age = age_at_end($id, $done);
cmp_ok($age, '>=', 6, 'also after a crash it stays for its time');
cmp_ok($age, '<', 20, 'and no longer');

# A change of segments of which nobody knows: rows without a record.
$id = new_result('restored');
$done = done_at($id);
$node->stop;
$node->start;
value('DELETE FROM celeriac_segment');
Celeriac::kill_postmaster($node);
$age = age_at_end($id, $done);
cmp_ok($age, '>=', 6, 'results that were restored stay for their time');

#
# A writer in a segment that is no longer current.
#
my $other = $node->background_psql('postgres');
my $late = Celeriac::send_task($node, 'some.task', "queue => 'late'");
$other->query_safe(q{SELECT id FROM task_fetch('w', '{late}', lease => NULL)});
$other->query_safe('BEGIN');
$other->query_safe(
	"SELECT task_finish('w', ARRAY[ROW('$late', 1, 'SUCCESS', '1', NULL, NULL, NULL, NULL, NULL)::task_outcome])"
);
my $current = value('SELECT results FROM celeriac_current_segments()');
Celeriac::wait_query($node, "SELECT results <> $current FROM celeriac_current_segments()");
$id = new_result('meanwhile');
age_at_end($id, done_at($id));
$other->query_safe('COMMIT');
is(value("SELECT state FROM task_state WHERE id = '$late'"),
	'SUCCESS', 'a result that is committed late is there');
is(segment_of($late), "task_result_$current", 'in a segment that was to be emptied');
$age = age_at_end($late, value('SELECT clock_timestamp()'));
cmp_ok($age, '>=', 5, 'for its time');

#
# A reader: nothing is emptied, nobody waits.
#
$id = new_result('read');
$other->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM task_result');
set_expires('1s');
my $later = new_result('later');
Celeriac::wait_query($node,
	"SELECT count(*) > 0 FROM celeriac_segment WHERE closed_at < clock_timestamp() - interval '2 s'");
is(value("SELECT count(*) FROM task_result WHERE id = '$id'"), 1,
	'a segment that somebody reads is not emptied');
is(value(q{SET statement_timeout = '10s'; SELECT count(*) FROM task_send('some.task', queue => 'nobody')}),
	1, 'nor does anybody wait for that');
$other->query_safe('COMMIT');
Celeriac::wait_query($node, 'SELECT count(*) FROM task_result', '0');
pass('all go when he has gone');

#
# A group of two, of which one ends much later.
#
my $group = value(
	q{SELECT task_send(task_group(task_set(task_s('some.task', 1), '{"queue": "first"}'),
	task_set(task_s('some.task', 2), '{"queue": "second"}')))}
);
$id = run_task('first');
$other->query_safe(q{SELECT id FROM task_fetch('w', '{second}', lease => NULL)});
$later = new_result('later');
my $from = segment_of($id);
age_at_end($later, done_at($later));
Celeriac::wait_query($node, "SELECT tableoid::regclass <> '$from'::regclass FROM task_result WHERE id = '$id'");
is(segment_of($id), 'task_result', 'what a group waits for stays');
$later = value(q{SELECT id FROM task_state WHERE queue = 'second'});
$other->query_safe(
	"SELECT task_finish('w', ARRAY[ROW('$later', 1, 'SUCCESS', '\"second\"', NULL, NULL, NULL, NULL, NULL)::task_outcome])"
);
is(value("SELECT task_get('$group', '10 s')"), '["first", "second"]', 'until the group has it');
Celeriac::wait_query($node, 'SELECT count(*) FROM task_result', '0');

#
# For ever.
#
set_expires('0');
$id = new_result('ever');
$current = value('SELECT results FROM celeriac_current_segments()');
churn() for 1 .. 2;
is(value("SELECT count(*) FROM task_result WHERE id = '$id'"), 1, '0 keeps results');
is(value('SELECT results FROM celeriac_current_segments()'), $current, 'where they are');

sub churn
{
	value(q{SELECT count(*) FROM task_send_many('some.task', array_fill('[]'::jsonb, ARRAY[2000]), queue => 'churn');
		SELECT task_purge('churn')});
	my $messages = value('SELECT messages FROM celeriac_current_segments()');
	Celeriac::wait_query($node, "SELECT messages <> $messages FROM celeriac_current_segments()");
	return;
}

$other->quit;
$node->stop;
done_testing();
