# A pool tells the server the options of its tasks.  An option that gets lost on
# the way, is cut short or rounded, makes tasks run by other rules than their
# author wrote, and nobody is told.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');

sub definition
{
	my ($name) = @_;
	my %row;
	my $text = $node->safe_psql('postgres',
		"SELECT j.key, j.value FROM task_definition d, jsonb_each_text(to_jsonb(d)) j
		 WHERE d.name = '$name'");

	foreach (split /\n/, $text)
	{
		my ($key, $value) = split /\|/, $_, 2;
		$row{$key} = $value eq '' ? undef : $value;
	}
	return \%row;
}

# What a definition is when nobody sets anything.
$node->safe_psql('postgres', "SELECT task_define('preset')");
my %preset = %{ definition('preset') };

my $worker = Celeriac::start_worker($node, modules => ['options'],
	programs => ['options.program=true']);

my %all = %{ definition('options.all') };
my $errors = delete $all{autoretry_for};
my @errors = $errors =~ /"(\w+)"/g;
is(scalar(@errors), 20, 'a list of more than 512 bytes arrives whole');
is($errors[19], 'AnErrorOfFairlyLongName5Dddd', 'up to its last byte');
is_deeply(
	\%all,
	{
		%preset{qw(function expires rate_limit)},
		name => 'options.all',
		queue => 'elsewhere',
		priority => 9,
		max_retries => 7,
		max_deliveries => 5,
		retry_jitter => 'false',
		acks_late => 'false',
		ignore_result => 'true',
		track_started => 'true',
		retry_delay => '00:00:00.25',
		retry_backoff => '1.5',
		retry_backoff_max => '342:56:07.125',
		soft_time_limit => '00:00:30',
		time_limit => '342:56:07.125'
	},
	'every option arrives as it was set');

foreach my $name (qw(options.none options.program))
{
	is_deeply(definition($name), { %preset, name => $name },
		"$name sets none, the server's presets hold");
}
is_deeply(
	definition('options.unlimited'),
	{ %preset, name => 'options.unlimited', max_retries => undef },
	'retries without a limit');
unlike($worker->log, qr/declaring a task/, 'no declaration was refused');
is($worker->stop, 0, 'the pool ends');

$node->stop;
done_testing();
