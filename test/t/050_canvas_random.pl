# Random canvases while workers, executors and the server are killed at random:
# one that hangs, a task that runs twice or not at all, a result in the wrong
# place, a failure that is lost on its way up.  What should come of each canvas
# is computed here, by an evaluator that knows only what Celery promises.
#
# CELERIAC_CANVASES		how many (default 1,000)
# CELERIAC_CANVAS_SECONDS	for how long there are blows at most (default 60)
# CELERIAC_CANVAS_SEED	repeats the canvases and the choices of an earlier run

use strict;
use warnings;

use Celeriac;
use Digest::MD5 qw(md5_hex);
use JSON::PP;
use List::Util qw(min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $canvases = $ENV{CELERIAC_CANVASES} || 1_000;
my $seconds = $ENV{CELERIAC_CANVAS_SECONDS} || 60;
my $seed = $ENV{CELERIAC_CANVAS_SEED} || (time * 1000) % 1_000_000_007;
my $depth = 5;
my $width = 20;
my $most_tasks = 60;
my $at_once = 20;

srand($seed);
diag("random canvases: $canvases, CELERIAC_CANVAS_SEED=$seed");

#
# Generator.  A node is { kind, ... }; tasks have a key of their own, and take
# what comes before them as first argument unless they are immutable.
#
my $next_key = 0;
my $tasks_left;

sub one_of
{
	return $_[ rand @_ ];
}

sub a_task
{
	my ($has_input) = @_;
	my $key = ++$next_key;
	my $kind = one_of(('mix') x 12, ('echo') x 5, 'retry', 'fail', 'become', 'become', 'become_c');
	my %task = (kind => $kind, key => $key);

	$tasks_left--;
	$kind = $task{kind} = 'mix' if $kind eq 'fail' && rand() < 0.6;
	$task{immutable} = !$has_input || rand() < 0.1 || $kind =~ /^become/;
	if ($kind =~ /^become/)
	{
		return { %task, kind => 'mix' } if $tasks_left < 3;
		$task{sub} = a_canvas(2, 0);
	}
	$task{link} = ++$next_key if rand() < 0.1;
	$task{errback} = ++$next_key if $kind eq 'fail' && rand() < 0.5;
	return \%task;
}

# Several nodes; each has an input if the first has.
sub nodes
{
	my ($levels, $count, $has_input) = @_;

	return [ map { a_canvas($levels - 1, $has_input) } 1 .. $count ];
}

sub a_width
{
	return min(rand() < 0.1 ? 2 + int rand($width - 1) : 2 + int rand 3,
		$tasks_left < 2 ? 2 : $tasks_left);
}

sub a_canvas
{
	my ($levels, $has_input) = @_;

	return a_task($has_input)
	  if $levels <= 0 || $tasks_left < 2 || rand() < 0.3;
	my $kind = one_of('chain', 'chain', 'group', 'chord', 'map');
	if ($kind eq 'chain')
	{
		my $first = a_canvas($levels - 1, $has_input);
		my $steps = min(a_width(), 6) - 1;

		return { kind => 'chain', members => [ $first, @{ nodes($levels, $steps, 1) } ] };
	}
	return { kind => 'group', members => nodes($levels, a_width(), $has_input) }
	  if $kind eq 'group';
	return {
		kind => 'chord',
		members => nodes($levels, a_width(), $has_input),
		body => a_canvas($levels - 1, 1)
	  } if $kind eq 'chord';
	$tasks_left--;
	return { kind => 'map', key => ++$next_key, items => 1 + int rand 4 };
}

#
# Two ways to write a canvas: with the functions and |, and as Celery's JSON.
#
my $json = JSON::PP->new->canonical->allow_nonref;

# of C tasks
my %names = (echo => 'echo.echo', become_c => 'family.parent');

sub number { return 0 + $_[0]; }

sub signature
{
	my ($task, $args, %more) = @_;

	return { task => $task, args => $args, kwargs => {}, options => {},
		subtask_type => undef, immutable => JSON::PP::false, %more };
}

sub as_json
{
	my ($node) = @_;
	my $kind = $node->{kind};

	if ($kind eq 'map')
	{
		return signature('celery.map', [],
			immutable => JSON::PP::true,
			kwargs => { task => signature('twice', []), it => [ map { number($node->{key} + $_) } 1 .. $node->{items} ] });
	}
	if ($node->{members})
	{
		my @members = map { as_json($_) } @{ $node->{members} };
		my %kwargs = $kind eq 'chord'
		  ? (header => \@members, body => as_json($node->{body}), kwargs => {})
		  : (tasks => \@members);
		return signature("celery.$kind", [], subtask_type => $kind, kwargs => \%kwargs);
	}
	return signature(
		$names{$kind} // $kind,
		task_args($node),
		immutable => $node->{immutable} ? JSON::PP::true : JSON::PP::false,
		options => {
			map { $node->{$_->[0]} ? ($_->[1] => [ as_json(callback($node->{$_->[0]})) ]) : () }
			  [ 'link', 'link' ], [ 'errback', 'link_error' ]
		});
}

# What is called when a task has ended leaves a trace too.
sub callback
{
	return { kind => 'mix', key => $_[0], immutable => 1 };
}

# Its own arguments; one that takes no input has its key for that as well.
sub task_args
{
	my ($task) = @_;
	my @args = (number($task->{key}));

	return [ 'replace', $json->encode(as_json($task->{sub})) ] if $task->{kind} eq 'become_c';
	unshift @args, $args[0] if $task->{immutable} && $task->{kind} ne 'become';
	push @args, as_json($task->{sub}) if $task->{kind} eq 'become';
	return \@args;
}

sub quoted
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return "'$text'";
}

sub as_sql
{
	my ($node) = @_;
	my $kind = $node->{kind};

	return quoted($json->encode(as_json($node))) . '::jsonb::task_signature'
	  if rand() < 0.1;
	return sprintf q{task_map('twice', '%s')}, $json->encode(as_json($node)->{kwargs}{it})
	  if $kind eq 'map';
	if ($node->{members})
	{
		my @members = map { as_sql($_) } @{ $node->{members} };

		return joined(@members) if $kind eq 'chain' && rand() < 0.6;
		return "task_$kind(" . join(', ', @members) . ')' if $kind ne 'chord';
		my $header = 'task_group(' . join(', ', @members) . ')';
		my $body = as_sql($node->{body});
		return rand() < 0.5 ? "($header | $body)" : "task_chord($header, $body)";
	}
	my $task = sprintf '%s(%s%s)', $node->{immutable} ? 'task_si' : 'task_s',
	  quoted($names{$kind} // $kind),
	  join('', map { ', ' . quoted($json->encode($_)) . '::jsonb' } @{ task_args($node) });
	$task = "task_link($task, " . as_sql(callback($node->{link})) . ')' if $node->{link};
	$task = "task_on_error($task, " . as_sql(callback($node->{errback})) . ')' if $node->{errback};
	return $task;
}

# a | b | c, with parentheses anywhere
sub joined
{
	my @members = @_;

	return $members[0] if @members == 1;
	my $cut = rand() < 0.7 ? $#members : 1 + int rand $#members;
	return '(' . joined(@members[ 0 .. $cut - 1 ]) . ' | ' . joined(@members[ $cut .. $#members ]) . ')';
}

#
# The reference: the result as the text of a jsonb, or undef for a failure; and
# the keys of the SQL tasks that leave a trace because they succeed, with how
# often they do: undef if that depends on who comes first.
#
# Of a failure it matters for errbacks whether it was a group's: then what comes
# behind is the body of a chord, whose errbacks are called, unless those of the
# body of an inner chord were, from where the failure comes.
#
my $failure;

sub failed
{
	my ($of_group, @told) = @_;

	$failure = { of_group => $of_group, told => { map { $_ => 1 } @told } };
	return undef;
}

# What comes behind a failure never begins; its first task may have to tell.
sub fail_behind
{
	my ($behind, $ran) = @_;
	my %told = %{ $failure->{told} };

	$behind = $behind->{members}[0] while $behind->{kind} eq 'chain';
	if ($failure->{of_group} && $behind->{errback})
	{
		$ran->{ $behind->{errback} } = $told{1} ? undef : 1 if $told{0};
		%told = (1 => 1);
	}
	return failed(0, keys %told);
}

sub hash
{
	my ($input, $key) = @_;
	return hex(substr(md5_hex("$input $key"), 0, 7));
}

sub eval_task
{
	my ($task, $input, $ran) = @_;
	my $kind = $task->{kind};
	my $key = $task->{key};

	$input = $key if $task->{immutable};
	if ($kind eq 'fail')
	{
		$ran->{ $task->{errback} } = 1 if $task->{errback};
		return failed(0, 0);
	}
	$ran->{$key} = 1 unless $names{$kind};
	my $result =
	    $task->{sub} ? eval_node($task->{sub}, undef, $ran)
	  : $kind eq 'echo' ? qq({"args": [$input, $key], "kwargs": {}})
	  : hash($input, $key);
	$ran->{ $task->{link} } = 1 if $task->{link} && defined $result;
	return $result;
}

# Groups among the members of a group are unrolled.
sub unrolled
{
	return map { $_->{kind} eq 'group' ? unrolled(@{ $_->{members} }) : $_ } @_;
}

sub eval_group
{
	my ($members, $input, $ran) = @_;
	my (@results, %told);

	foreach my $member (unrolled(@$members))
	{
		push @results, eval_node($member, $input, $ran);
		%told = (%told, %{ $failure->{told} }) unless defined $results[-1];
	}
	return failed(1, keys %told) if %told;
	return '[' . join(', ', @results) . ']';
}

sub eval_chain
{
	my ($steps, $result, $ran) = @_;

	foreach my $i (0 .. $#$steps)
	{
		$result = eval_node($steps->[$i], $result, $ran);
		next if defined $result;
		return $i < $#$steps ? fail_behind($steps->[ $i + 1 ], $ran) : undef;
	}
	return $result;
}

sub eval_node
{
	my ($node, $input, $ran) = @_;
	my $kind = $node->{kind};

	return eval_chain($node->{members}, $input, $ran) if $kind eq 'chain';
	return eval_group($node->{members}, $input, $ran) if $kind eq 'group';
	return eval_chain([ { kind => 'group', members => $node->{members} }, $node->{body} ], $input, $ran)
	  if $kind eq 'chord';
	return '[' . join(', ', map { 2 * ($node->{key} + $_) } 1 .. $node->{items}) . ']'
	  if $kind eq 'map';
	return eval_task($node, $input, $ran);
}

#
# The server, its tasks, and those who suffer.
#
my $node = Celeriac::new_node(
	'main',
	conf => q{
log_statement = none
log_min_messages = warning
max_connections = 60
celeriac.executors = 2
celeriac.attach_grace = 2s
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# The answer, or undef while the server cannot give one.
sub ask
{
	my ($query) = @_;
	my ($status, $out) =
	  eval { $node->psql('postgres', $query, stderr => \my $errors) };

	return defined $status && $status == 0 ? $out : undef;
}

value(
	q{
CREATE TABLE sent (n int PRIMARY KEY, id uuid, sig task_signature);
CREATE TABLE ran (key int, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION mix(input jsonb, key int) RETURNS int LANGUAGE sql AS $$
	INSERT INTO ran VALUES (key)
	RETURNING ('x' || substr(md5(input::text || ' ' || key), 1, 7))::bit(28)::int
$$;
CREATE FUNCTION retry(input jsonb, key int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ran VALUES (key);
	IF (task_current()).retries = 0 THEN
		PERFORM task_raise_retry('0.1 s', 'once more');
	END IF;
	DELETE FROM ran WHERE ran.key = retry.key;
	RETURN mix(input, key);
END $$;
CREATE FUNCTION fail(input jsonb, key int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ran VALUES (key);
	RAISE 'task % fails', key;
END $$;
CREATE FUNCTION become(key int, canvas jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ran VALUES (key);
	SELECT task_replace(canvas::task_signature)
$$;
CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql RETURN 2 * x;
SELECT task_register(f::regprocedure, max_deliveries => 1000)
	FROM unnest('{mix,retry,fail,become,twice}'::regproc[]) AS f;
SELECT task_define(c, max_deliveries => 1000) FROM unnest('{echo.echo,family.parent}'::text[]) AS c;

-- What waiting says and what the edges say, in one snapshot.
CREATE VIEW drift AS
	SELECT m.id, m.waiting, count(s.id) FROM task_message AS m
	LEFT JOIN task_edge AS e ON e.target = m.id LEFT JOIN task_message AS s ON s.id = e.source
	GROUP BY m.id, m.waiting HAVING coalesce(m.waiting, 0) <> count(s.id);
});

my $worker;

sub start_pool
{
	$worker = Celeriac::start_worker(
		$node,
		wait => 0,
		concurrency => 2,
		modules => [ 'echo', 'family' ],
		args => [ '--loglevel', 'WARNING' ]);
	return 1;
}

sub kill_backend
{
	my ($type, $signal) = @_;
	my $pid = ask("SELECT min(pid) FROM pg_stat_activity WHERE backend_type = '$type'") or return 0;

	return kill $signal, $pid;
}

sub end_pool
{
	my ($signal) = @_;

	$worker->stop($signal);
	return start_pool();
}

sub kill_child
{
	my $pid = one_of($worker->children) or return 0;
	return kill 'KILL', $pid;
}

# [how often, name, how]
my @blows = (
	[ 10, 'child killed', \&kill_child ],
	[ 4, 'pool killed', sub { end_pool('KILL') } ],
	[ 2, 'pool stopped', sub { end_pool('TERM') } ],
	[ 6, 'executor terminated', sub { kill_backend('celeriac executor', 'TERM') } ],
	[ 2, 'executor killed', sub { kill_backend('celeriac executor', 'KILL') } ],
	[ 2, 'coordinator terminated', sub { kill_backend('celeriac coordinator', 'TERM') } ],
	[ 1, 'postmaster killed', sub { Celeriac::kill_postmaster($node); 1 } ]);
my @choices = map { my $blow = $_; ($blow) x $blow->[0] } @blows;
my %struck;
my $drifts = 0;
my $looks = 0;

sub strike
{
	my (undef, $name, $how) = @{ one_of(@choices) };

	note(sprintf '%.3f %s', time, $name);
	$struck{$name}++ if $how->();
	my $drift = ask('SELECT count(*) FROM drift');
	return unless defined $drift;
	$looks++;
	$drifts++ if $drift > 0;
	return;
}

#
# Canvases in pieces, each in a transaction of its own; one that did not commit
# is sent again.
#
my @expected = (undef);
my @ran = (undef);
my $sizes = 0;
my @pieces;

foreach my $n (1 .. $canvases)
{
	$tasks_left = rand() < 0.1 ? $most_tasks : 15;
	my $before = $next_key;
	my $canvas = a_canvas($depth, 0);

	$ran[$n] = {};
	$expected[$n] = eval_node($canvas, undef, $ran[$n]);
	$sizes += $next_key - $before;
	push @{ $pieces[ ($n - 1) / $at_once ] },
	  sprintf 'INSERT INTO sent SELECT %d, task_send(sig), sig FROM (SELECT %s) AS s (sig);', $n, as_sql($canvas);
}
my $failing = grep { !defined } @expected[ 1 .. $canvases ];
note("$sizes tasks, $failing canvases that fail");

sub send_piece
{
	my ($first, $piece) = @_;

	Celeriac::wait_until(
		'a send',
		sub {
			my $there = ask("SELECT count(*) FROM sent WHERE n = $first");
			return 0 unless defined $there;
			return 1 if $there;
			my ($status, undef, $errors) = eval { $node->psql('postgres', join("\n", 'BEGIN;', @$piece, 'COMMIT;'), on_error_stop => 1) };
			die "a canvas was refused: $errors\n"
			  if defined $status && $status == 3 && $errors !~ /terminat|shutting|starting|recovery/;
			return defined $status && $status == 0;
		});
	return;
}

start_pool();
my $begin = time;
foreach my $i (0 .. $#pieces)
{
	send_piece($i * $at_once + 1, $pieces[$i]);
	strike();
}
sub left
{
	return ask('SELECT count(*) FROM task_message') // -1;
}
while (left() != 0 && time < $begin + $seconds)
{
	strike();
	usleep(rand 300_000);
}
my $calm = time;
Celeriac::wait_until('the end of all canvases', sub { left() == 0 });
diag( sprintf '%d tasks, %d blows in %.0f s, then %.1f s to the last result',
	$sizes, $looks, $calm - $begin, time - $calm);
note("$_: $struck{$_}") foreach sort keys %struck;

#
# What must be true.
#
my (%result, %state);
foreach my $line (split /\n/, value(q{SELECT n, state, result FROM sent LEFT JOIN task_state USING (id)}))
{
	my ($n, $state, $result) = split /\|/, $line, 3;

	($state{$n}, $result{$n}) = ($state, $result);
}
my %seen;
$seen{$_}++ foreach split /\n/, value('SELECT key FROM ran');

sub shown
{
	my ($n) = @_;
	return "canvas $n: "
	  . value(
		qq{SELECT format(E'%s\n  errors: %s', sig, (SELECT string_agg(DISTINCT exc_type || ': ' || exc_message, ', ')
			FROM task_state WHERE root_id = s.root_id)) FROM sent JOIN task_state AS s USING (id) WHERE n = $n}
	  );
}

my ($wrong, $wrong_runs) = (0, 0);
my %promised;
foreach my $n (1 .. $canvases)
{
	my $ok = defined $expected[$n]
	  ? ($state{$n} // '') eq 'SUCCESS' && $result{$n} eq $expected[$n]
	  : ($state{$n} // '') eq 'FAILURE';

	unless ($ok)
	{
		diag(shown($n) . "\n  is " . ($state{$n} // 'unknown') . ' ' . ($result{$n} // '')
			  . "\n  not " . ($expected[$n] // 'FAILURE')) if $wrong++ < 3;
	}
	foreach my $key (keys %{ $ran[$n] })
	{
		$promised{$key} = 1;
		my $times = $seen{$key} // 0;

		next if $times == ($ran[$n]{$key} // $times) && $times < 2;
		diag("task $key ran $times times in " . shown($n)) if $wrong_runs++ < 3;
	}
}
my @surplus = grep { !$promised{$_} } keys %seen;

is(value('SELECT count(*) FROM sent'), $canvases, 'all canvases were sent');
is($wrong, 0, 'each has the result of the reference');
is($wrong_runs, 0, 'each SQL task that should ran once');
is("@surplus", '', 'no other ran');
is($drifts, 0, "what still waits could be derived from the rows, $looks times");
cmp_ok($looks, '>', 0, 'and somebody looked');
is(value('SELECT count(*) FROM task_message'), 0, 'no message is left');
is(value('SELECT count(*) FROM drift'), 0, 'and nothing drifted');
is( value(q{SELECT count(*) FROM task_result WHERE state NOT IN ('SUCCESS', 'FAILURE')}),
	0, 'every task ended well or failed');

is($worker->stop, 0, 'the pool stops cleanly');
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|terminated by signal (?!9:)/, 'nothing in the server crashed by itself');
unlike($log, qr/waits for another number of tasks than it should/,
	'the repair sweep found nothing');

done_testing();
