# The parts of the pool that talk to the server, each alone against a real one:
# the whole pool hides in its retries what one of them does wrong, and cannot be
# made to meet every failure at the moment that matters.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $unit = "$ENV{TESTDIR}/test/unit";
my @programs = map { "build/server_$_" } qw(link outbox);

system_or_bail('make', '-s', '-C', $unit, @programs);

foreach my $program (@programs)
{
	my ($name) = $program =~ /server_(.*)/;
	my $node = Celeriac::new_node($name);

	$node->safe_psql('postgres',
		'CREATE ROLE pool LOGIN; GRANT celeriac_worker TO pool');
	$node->safe_psql('postgres', 'CREATE DATABASE bare');
	my $connstr = $node->connstr('postgres');
	my ($out, $err);
	my $ok = IPC::Run::run(
		[ "$unit/$program", $connstr, "$connstr user=pool", $node->connstr('bare') ],
		'>', \$out, '2>', \$err);

	note($out, $err);
	ok($ok, "$name: the program says that all is well")
	  or diag($out, $err);
	foreach (split /\n/, $out)
	{
		ok($1 eq 'ok', "$name: $2") if /^((?:not )?ok) \d+ - (.*)/;
	}
	$node->stop;
}

done_testing();
