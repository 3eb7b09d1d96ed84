# A pool declares its tasks: an option that a module gives must arrive in the
# database as it was meant, each alone and all together; one that it does not
# give is left to the server; and what a DBA has changed survives every start.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => "celeriac.executors = 0\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# What a definition has that is not the server's default, as "column=value ...".
sub declared
{
	my ($name) = @_;

	return sql(
		qq{SELECT coalesce(string_agg(d.key || '=' || d.value, ' ' ORDER BY d.key), '')
		   FROM (SELECT 'options.$name' AS name) AS n,
			jsonb_each_text((SELECT jsonb_strip_nulls(to_jsonb(t)) FROM task_definition AS t WHERE t.name = n.name)) AS d
		   LEFT JOIN jsonb_each_text((SELECT to_jsonb(t) FROM task_definition AS t WHERE t.name = 'plain')) AS p ON p.key = d.key
		   WHERE d.value IS DISTINCT FROM p.value AND d.key <> 'name'});
}

sub start
{
	return Celeriac::start_worker($node, modules => ['options'], queues => 'options,default',
		programs => ['options.program=true']);
}

sql(q{SELECT task_define('plain')});
my $worker = start();
Celeriac::wait_query($node, q{SELECT EXISTS (SELECT FROM task_definition WHERE name = 'options.time_limit')});

is( declared('all'),
	join(' ',
		'acks_late=false', 'autoretry_for=["IOError", "40001"]', 'ignore_result=true', 'max_deliveries=2',
		'max_retries=5', 'priority=7', 'queue=options', 'retry_backoff=100', 'retry_backoff_max=00:02:30',
		'retry_delay=00:00:11', 'retry_jitter=false', 'soft_time_limit=00:00:12',
		'time_limit=00:00:13.5', 'track_started=true'),
	'every option at once');
is(declared($_), '', "$_ has the defaults") foreach qw(none program);
my %alone = (
	queue => 'options',
	autoretry_for => '["IOError"]',
	priority => '255',
	max_retries => '0',
	max_deliveries => '1',
	retry_jitter => 'false',
	acks_late => 'false',
	ignore_result => 'true',
	track_started => 'true',
	retry_delay => '00:00:00',
	retry_backoff => '1.5',
	retry_backoff_max => '00:00:00.25',
	soft_time_limit => '00:00:00.001',
	time_limit => '01:00:00');
is(declared($_), "$_=$alone{$_}", "alone: $_") foreach sort keys %alone;
is( sql(q{SELECT max_retries IS NULL FROM task_definition WHERE name = 'options.no_limit'}),
	't', 'TASK_NO_LIMIT is no limit');
is( sql(
		q{SELECT cardinality(autoretry_for), autoretry_for[49] FROM task_definition WHERE name = 'options.many_errors'}
	),
	'49|LastError',
	'a list of errors is not cut');

# The tasks run with them.
my $id = Celeriac::send_task($node, 'options.all', 'ignore_result => false');
is( sql("SELECT o ->> 'soft_time_limit', o ->> 'time_limit', o ->> 'acks_late' FROM (SELECT task_get('$id', timeout => '60 s') AS o) AS t"),
	'12|13.5|false', 'a task sees them');
is(sql("SELECT queue, priority, max_retries FROM task_state WHERE id = '$id'"),
	'options|7|5', 'and is sent with them');

# What is there stays.
sql(
	q{SELECT task_define('options.all', priority => 3, time_limit => '1 hour');
	UPDATE task_definition SET queue = NULL, retry_delay = '1 day' WHERE name = 'options.none';
	DELETE FROM task_definition WHERE name = 'options.priority'});
my @changed = map { declared($_) } qw(all none);
unlike($worker->log, qr/declaring a task/, 'no declaration was refused');
is($worker->stop, 0, 'the pool stops');
$worker = start();
Celeriac::wait_query($node, q{SELECT EXISTS (SELECT FROM task_definition WHERE name = 'options.priority')});
is(declared('priority'), 'priority=255', 'a pool that starts declares what is not there');
is_deeply([ map { declared($_) } qw(all none) ], \@changed, 'and leaves alone what is');
is($worker->stop, 0, 'the pool stops');

$node->stop;
done_testing();
