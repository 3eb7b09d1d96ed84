# Events: every transition is announced once, in an order that makes sense, as
# JSON that fits a notification, and only while somebody listens.

use strict;
use warnings;

use Celeriac;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');

$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION add(x int, y int) RETURNS int LANGUAGE sql RETURN x + y;
	CREATE FUNCTION fail(message text) RETURNS int LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION '%', message; END $$;
	CREATE FUNCTION again() RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		IF (task_current()).retries = 0 THEN
			PERFORM task_raise_retry('0', 'not yet');
		END IF;
		RETURN 1;
	END $$;
	CREATE FUNCTION long(n int) RETURNS text LANGUAGE sql RETURN repeat(E'\x01"ü', n);
	CREATE FUNCTION takes(x jsonb) RETURNS void LANGUAGE sql AS $$ SELECT $$;
	SELECT task_register(p::regprocedure) FROM unnest(
		ARRAY['add(int,int)', 'fail(text)', 'again()', 'long(int)', 'takes(jsonb)']) AS p;
});

# The events that a session receives which listens, sends and waits.  Its own
# notification comes after all that was committed before.
sub events_of
{
	my ($send, $before) = @_;
	my ($out, $err);

	$node->psql(
		'postgres', ($before // 'LISTEN task_event;') . qq{
		$send AS id \\gset
		SELECT task_get(:'id', timeout => '60 s', propagate => false);
		NOTIFY task_event, '[]';
		SELECT 1;
	}, stdout => \$out, stderr => \$err);
	is($err, '', "no errors: $send");
	return map { @{ decode_json($_) } }
	  $out =~ /^Asynchronous notification "task_event" with payload "(.*)" received/mg;
}

sub types
{
	return join ' ', map { $_->{type} } @_;
}

my @events = events_of(q{SELECT task_send('add', '[2, 3]')});
is(types(@events),
	'task-sent task-received task-started task-succeeded', 'a success');
is($events[0]{args}, '[2, 3]', 'arguments are in the first');
is($events[3]{result}, '5', 'the result is in the last');
is(scalar(grep { $_->{uuid} eq $events[0]{uuid} } @events),
	4, 'all are of one task');
is(scalar(grep { $_->{timestamp} > 1.7e9 && $_->{pid} > 0 && $_->{hostname} } @events),
	4, 'all have time and sender');
like($events[1]{hostname}, qr{^executor\@postgres/\d+$}, 'the worker is named');

@events = events_of(q{SELECT task_send('fail', '["bad \" thing"]')});
is(types(@events), 'task-sent task-received task-started task-failed',
	'a failure');
like($events[3]{exception}, qr/P0001.*bad " thing/, 'with its exception');
like($events[3]{traceback}, qr/CONTEXT/, 'and traceback');

@events = events_of(q{SELECT task_send('again')});
is( types(@events),
	'task-sent task-received task-started task-retried '
	  . 'task-received task-started task-succeeded',
	'a retry');

# Long values are cut, so that each event fits.
@events = events_of(q{SELECT task_send('long', '[10000]')});
is(types(@events),
	'task-sent task-received task-started task-succeeded', 'a long result');
cmp_ok(length($events[3]{result}), '<=', 1030, 'is cut');
like($events[3]{result}, qr/\.\.\.$/, 'and says so');
@events = events_of(
	q{SELECT task_send('takes', jsonb_build_array(repeat('x"', 5000)))});
is(types(@events),
	'task-sent task-received task-started task-succeeded', 'long arguments');
@events = events_of(q{SELECT task_send('fail', jsonb_build_array(repeat(E'\x01', 20000)))});
is(types(@events), 'task-sent task-received task-started task-failed',
	'a long message');

# Many fit one notification.
my $out = $node->safe_psql(
	'postgres', q{
	LISTEN task_event;
	SELECT count(*) FROM task_send_many('add',
		ARRAY(SELECT '[1, 2]'::jsonb FROM generate_series(1, 200)), queue => 'nobody');
	SELECT 1;
});
my @payloads =
  $out =~ /^Asynchronous notification "task_event" with payload "(.*)" received/mg;
is(scalar(map { @{ decode_json($_) } } @payloads), 200, 'an event for each');
cmp_ok(scalar(@payloads), '<', 20, 'in few notifications');

# By hand.
$node->safe_psql('postgres', 'SELECT task_events_disable()');
is(types(events_of(q{SELECT task_send('add', '[2, 3]')})), '', 'switched off');
$node->safe_psql('postgres', 'SELECT task_events_auto()');
is(types(events_of(q{SELECT task_send('add', '[2, 3]')}, 'SELECT 1;')),
	'', 'nobody listens');

$node->stop;
done_testing();
