# The command line: help and versions, wrong options, and every reason for which
# a pool refuses to start, each with its exit status and a message that says it.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $program = $Celeriac::program;
my $node = Celeriac::new_node('main');
my $database = $node->connstr('postgres');

# exit_is($status, $pattern, @arguments): what it prints on standard error.
sub exit_is
{
	my ($status, $pattern, @arguments) = @_;
	my ($out, $err);

	IPC::Run::run([ $program, @arguments ], '<', '/dev/null', '>', \$out, '2>',
		\$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	is($? >> 8, $status, "exit status of: @arguments");
	like($err, $pattern, "message of: @arguments");
	return;
}

# Asking for help is no error.
foreach my $arguments (['--help'], ['help'], [ 'worker', '--help' ], [ 'help', 'worker' ])
{
	my ($out, $err);
	my $ok = IPC::Run::run([ $program, @$arguments ], '>', \$out, '2>', \$err);

	ok($ok, "@$arguments succeeds");
	like($out, qr/^Usage: celeriac/m, "@$arguments explains");
	is($err, '', "@$arguments complains of nothing");
	my @long = grep { length > 200 } split /\n/, $out;
	is("@long", '', "@$arguments prints no endless line");
}
my ($version) = slurp_file("$Celeriac::top/celeriac.control") =~ /default_version = '(.*)'/;
command_like([ $program, $_ ], qr/\Q$version\E$|sanitized$/, "$_ tells it")
  foreach qw(--version version);

# Wrong command lines.
exit_is(2, qr/no command "frobnicate"/, 'frobnicate');
exit_is(2, qr/no option "--frobnicate"/, 'worker', '--frobnicate');
exit_is(2, qr/--concurrency needs a number, not "many"/,
	'worker', '--concurrency', 'many');
exit_is(2, qr/--concurrency/, 'worker', '--concurrency', '-1');
exit_is(2, qr/--concurrency/, 'worker', '--concurrency', '99999999999');
exit_is(2, qr/--loglevel/, 'worker', '--loglevel', 'LOUD');
exit_is(2, qr/--program/, 'worker', '--program', 'no-command');
exit_is(2, qr/--queues/, 'worker', '--queues');
exit_is(2, qr/stray/, 'worker', 'stray');

# Modules that cannot be loaded.
my $text = "$PostgreSQL::Test::Utils::tmp_check/text.so";
append_to_file($text, 'no library');
exit_is(3, qr/cannot load module .*none\.so/, 'worker', '--module', '/none.so');
exit_is(3, qr/cannot load module .*text\.so/, 'worker', '--module', $text);
exit_is(3, qr/ABI/, 'worker', '--module', Celeriac::build_module('bad_abi'));
exit_is(3, qr/no_module/, 'worker', '--module', Celeriac::build_module('no_module'));
my $noop = Celeriac::build_module('noop');
exit_is(3, qr/noop/, 'worker', '--module', $noop, '--module', $noop);

# A database that will never do.
exit_is(4, qr/extension/i, 'worker', '--dbname', $node->connstr('template1'));

# Options in the environment, and names with escapes.
my $worker = Celeriac::start_worker($node,
	name => 'env@test', wait => 0,
	env => { CELERIAC_MODULES => $noop, CELERIAC_PREFETCH_MULTIPLIER => 2 });
$worker->wait_online;
my $id = Celeriac::send_task($node, 'noop.noop');
Celeriac::wait_state($node, $id, 'SUCCESS');
pass('an option from the environment holds');

# Files.
my $dir = $PostgreSQL::Test::Utils::tmp_check;
my $other = Celeriac::start_worker(
	$node,
	name => 'files@test',
	modules => ['noop'],
	queues => 'other',
	args => [
		'--pidfile', "$dir/worker.pid", '--logfile', "$dir/%n.log",
		'--log-format', 'json'
	]);
is(slurp_file("$dir/worker.pid"), $other->pid . "\n", 'the pid file');
rename "$dir/files.log", "$dir/files.log.1" or die "rename: $!";
$other->signal('HUP');
Celeriac::wait_until('a new log file', sub { return -e "$dir/files.log"; });
pass('HUP opens the log file again');
$id = Celeriac::send_task($node, 'noop.noop', q{queue => 'other'});
Celeriac::wait_state($node, $id, 'SUCCESS');
is($other->stop, 0, 'it stops');
ok(!-e "$dir/worker.pid", 'and removes the pid file');
my @lines = split /\n/, slurp_file("$dir/files.log");
is(scalar(grep { !/^\{.*\}$/ } @lines), 0, 'each line of the log is an object');
is(scalar(grep { /\Q$id\E/ && /noop\.noop/ } @lines) > 0, 1, 'which name the task');

is($worker->stop, 0, 'the other stops');
$node->stop;
done_testing();
