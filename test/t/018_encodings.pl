# Databases that are not in UTF-8, as C modules and the pool are.  Text that one
# side does not know must end the one task it is in: not pass as other text, not
# keep all tasks of the queue from being fetched, not end an executor.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @modules = ('echo', 'fail', 'foreign');
my $node = Celeriac::new_node(
	'main',
	conf => sprintf(
		"celeriac.executors = 1\nceleriac.modules = '%s'\n",
		join(', ', map { Celeriac::build_module($_) } @modules)));
my %runs_in = (executor => 'server', pool => 'default');
my $dbname;

sub sql
{
	return $node->safe_psql($dbname, $_[0]);
}

# Result or error of a task that is run in the place.
sub outcome
{
	my ($place, $name, $arguments) = @_;
	my $id = Celeriac::send_task($node, $name,
		join(', ', grep { defined } $arguments, "queue => '$runs_in{$place}'"),
		$dbname);

	Celeriac::wait_query($node,
		"SELECT done_at IS NOT NULL FROM task_state WHERE id = '$id'",
		't', $dbname);
	return sql(
		qq{SELECT concat_ws(' ', state, exc_type, exc_message, result)
			FROM task_state WHERE id = '$id'});
}

# In turn: an encoding, how psql speaks to it, and whether it has Japanese.
foreach my $case ([ 'LATIN1', 'UTF8', 0 ], [ 'EUC_JP', 'UTF8', 1 ], [ 'SQL_ASCII', 'SQL_ASCII', 1 ])
{
	my ($encoding, $client, $japanese) = @$case;

	$dbname = lc $encoding;
	$node->safe_psql('postgres',
		"CREATE DATABASE $dbname ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	local $ENV{PGCLIENTENCODING} = $client;
	sql('CREATE EXTENSION celeriac');
	my $pool = Celeriac::start_worker($node, dbname => $dbname, modules => \@modules);

	foreach my $place ('executor', 'pool')
	{
		my $what = "$encoding, $place";

		is(outcome($place, 'echo.add', q{'[1, 2]'}), 'SUCCESS 3', "$what: ASCII");
		is( outcome($place, 'echo.echo', q{'["café"]', '{"ü": 1}'}),
			'SUCCESS {"args": ["café"], "kwargs": {"ü": 1}}',
			"$what: what both have arrives and comes back");
		is(outcome($place, 'fail.fail', q{'["ValueError", "café"]'}),
			'FAILURE ValueError café', "$what: in a message too");
		is(outcome($place, 'foreign.größe'), 'SUCCESS', "$what: and in a name");

		my %end = $japanese ?
		  (
			result => qr/^SUCCESS "日本"$/,
			message => qr/^FAILURE ValueError 日本$/,
			retry => qr/^SUCCESS "second"$/,
			sender => qr/^SUCCESS "sent"$/) :
		  map { $_ => qr/^FAILURE (EncodeError|22P05 \w+) .* has no equivalent/ }
		  ('result', 'message', 'retry', 'sender');
		like(outcome($place, "foreign.$_"), $end{$_}, "$what: Japanese in a $_")
		  foreach sort keys %end;
		is(outcome($place, 'foreign.state'),
			'SUCCESS "done"', "$what: a state in Japanese does no harm");
		next unless $encoding eq 'SQL_ASCII';
		is(outcome($place, 'echo.echo', q{E'["caf\351"]'}),
			'FAILURE EncodeError what the task was sent with is not in UTF-8',
			"$what: bytes that are no text");
		is(outcome($place, 'echo.add', q{'[1, 2]'}),
			'SUCCESS 3', "$what: the next task is run");
	}
	is($pool->stop, 0, "$encoding: the pool stops cleanly");
}

$node->stop;
done_testing();
