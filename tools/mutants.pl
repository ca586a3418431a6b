# tools/mutants.pl list [NAME...]: the names of the mutants, all or these
# tools/mutants.pl tests NAME...: what their tests are, "t/gate.t: title" a line
# tools/mutants.pl apply NAME TREE: puts one into a tree, prints the files changed

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/check";

use Mutants;

my ($what, @args) = @ARGV;
my @all = mutants("$FindBin::Bin/../t/mutants");
my %named = map { $_->{name} => $_ } @all;
my $tree = $what eq 'apply' ? pop @args : undef;

for my $name (@args) {
    die "no mutant $name in t/mutants\n" if !$named{$name};
}

my %chosen = map { $_ => 1 } @args;
my @chosen = @args ? grep { $chosen{ $_->{name} } } @all : @all;

if ($what eq 'list') {
    print "$_->{name}\n" for @chosen;

} elsif ($what eq 'tests') {
    print map { "$_\n" } map { @{ $_->{test} } } @chosen;

} elsif ($what eq 'apply') {
    my $text = mutate($chosen[0], $tree);

    for my $path (sort keys %$text) {
        open my $file, '>', "$tree/$path" or die "$tree/$path: $!\n";
        print {$file} $text->{$path};
        close $file or die "$tree/$path: $!\n";
        print "$path\n";
    }

} else {
    die "mutants.pl: list, tests or apply?\n";
}
