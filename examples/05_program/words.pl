#!/usr/bin/env perl
#
# words.pl
#		A program as a task: the task as JSON on standard input, the result as
#		JSON on standard output, errors on standard error.

use strict;
use warnings;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical;
my $task = $json->decode(do { local $/; <STDIN> });
my ($text) = @{ $task->{args} };
my $top = $task->{kwargs}{top} // 3;

# a status that is not 0 is FAILURE; what was printed here is the traceback
die "there is no text in the arguments of $task->{id}\n" unless defined $text;

my %count;
$count{ lc $1 }++ while $text =~ /(\w+)/g;
my @words = sort { $count{$b} <=> $count{$a} or $a cmp $b } keys %count;
splice @words, $top if @words > $top;
print $json->encode([ map { { word => $_, count => $count{$_} } } @words ]);
