#!/usr/bin/perl
#
# regress.pl
#		Runs the suite "regress" or "isolation" of the Makefile and reports
#		each of its tests as TAP.
#
# pg_regress speaks its own language up to PostgreSQL 15 and TAP from 16 on;
# both are read here.

use strict;
use warnings;

# What to run, by leaving out the rest of "make installcheck".
my %others = (
	regress => [ 'ISOLATION=', 'TAP_TESTS=' ],
	isolation => [ 'REGRESS=', 'TAP_TESTS=' ]);
my %inputs = (
	regress => 'sql/*.sql',
	isolation => 'test/isolation/specs/*.spec');
my %diffs = (
	regress => 'regression.diffs',
	isolation => 'output_iso/regression.diffs');

my $suite = shift @ARGV // '';
die "usage: regress.pl regress|isolation\n" unless $others{$suite};

my @inputs = glob $inputs{$suite};
unless (@inputs)
{
	print "1..0 # SKIP no tests\n";
	exit 0;
}
unlink $diffs{$suite};

my ($count, $failed) = (0, 0);
my @said;
open my $make, '-|', 'make', '--no-print-directory', 'installcheck',
  @{ $others{$suite} }
  or die "could not run make: $!";
while (my $line = <$make>)
{
	my ($name, $ok);

	if ($line =~ /^(?:test|parallel group)?\s+(\S+)\s+\.\.\. (ok|FAILED)/)
	{
		($name, $ok) = ($1, $2 eq 'ok');
	}
	elsif ($line =~ /^(not )?ok \d+\s+[-+] (\S+)/)
	{
		($name, $ok) = ($2, !$1);
	}
	else
	{
		push @said, $line;
		next;
	}
	$count++;
	$failed++ unless $ok;
	print $ok ? 'ok' : 'not ok', " $count - $name\n";
}
close $make;

if ($? != 0 && !$failed || $count != @inputs)
{
	$count++;
	print "not ok $count - $suite ran to its end\n";
	print STDERR map { "# $_" } @said;
}
if (open my $diff, '<', $diffs{$suite})
{
	print STDERR map { "# $_" } <$diff>;
}
print "1..$count\n";
exit($? != 0 || $failed ? 1 : 0);
