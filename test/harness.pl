#!/usr/bin/perl
#
# harness.pl
#		Runs one suite's TAP producers, prints what prove prints, and adds the
#		suite's counts to a file.
#
# usage: harness.pl --suite NAME --counts FILE [--exec COMMAND] [--comments]
#		 [--jobs N] [--lib DIRECTORY]... [--verbose] PRODUCER...
#
# --comments shows what producers say of failures on standard output.
#
# A producer that fails without a failed test (it died, or its plan was not
# kept) counts as one failed test, so that nothing goes wrong uncounted.

use strict;
use warnings;

use Getopt::Long;
use TAP::Harness;

GetOptions(
	'suite=s' => \my $suite,
	'counts=s' => \my $counts,
	'exec=s' => \my $exec,
	'lib=s@' => \my $lib,
	'jobs=i' => \(my $jobs = 1),
	'comments' => \my $comments,
	'verbose' => \my $verbose) or exit 2;

my $harness = TAP::Harness->new(
	{
		verbosity => $verbose ? 1 : 0,
		timer => 1,
		jobs => $jobs,
		failures => 1,
		comments => $comments,
		lib => $lib // [],
		$exec ? (exec => [ split ' ', $exec ]) : () });
my $results = $harness->runtests(@ARGV);

my $failed = 0;
foreach my $parser ($results->parsers(@ARGV))
{
	next unless $parser->has_problems;
	$failed += scalar($parser->failed) || 1;
}

open my $out, '>>', $counts or die "could not open $counts: $!";
printf $out "%s %d %d\n", $suite, scalar($results->passed), $failed;
close $out or die "could not write $counts: $!";

exit($failed ? 1 : 0);
