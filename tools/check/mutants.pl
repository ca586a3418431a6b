# Each defence has a mutant in t/mutants/*.txt (tools/check/Mutants.pm): each row
# of t/contract.rows that is marked by "! ", and each promise of t/security.rows,
# which are words of docs/security.md.  What can have none is in t/mutants/none,
# "short name => why".  A mutant names rows that there are, blocks that there are,
# and finds its place in the source.

use strict;
use warnings;

use Check;
use Mutants;

my $LIMIT = 120;
my ($ROWS, $PROMISES, $NONE) = qw( t/contract.rows t/security.rows t/mutants/none );
my $MANUAL = 'docs/security.md';

my %mutant = (row => {}, promise => {});
my (%any, %defence, %promise, %none);


# [name, text, line] of each line "name => text" of a file, and its sections
sub rows {
    my ($path) = @_;
    my ($n, $section, @found) = (0, '');

    for my $line (split /\n/, slurp($path)) {
        $n++;
        next if $line =~ /^\s*(?:#|$)/;

        if ($line =~ /^\[(.+)\]$/) {
            $section = $1;

        } elsif ($line =~ /^(\S.*?)\s+=>\s+(\S.*)$/) {
            push @found, [ $1, $2, "$path:$n", $section ];

        } else {
            wrong("$path:$n: not \"name => text\"");
        }
    }

    return @found;
}


# the chapters of the manual, white space aside: heading => text
sub chapters {
    my @part = split /^## +(.*?) *$/m, slurp($MANUAL);
    my %text;

    shift @part;
    while (my ($heading, $text) = splice @part, 0, 2) {
        $text{$heading} = join ' ', split ' ', $text;
    }

    return %text;
}


for my $row (rows($ROWS)) {
    my $name = $row->[0] =~ s/^! +//r;

    $any{$name} = 1;
    $defence{$name} = 1 if $name ne $row->[0];
}

my %chapter = chapters();
my %promises;

for my $row (rows($PROMISES)) {
    my ($name, $words, $at, $heading) = @$row;

    wrong("$at: a second promise \"$name\"") if $promise{$name}++;
    $promises{$heading}++;

    wrong("$at: $MANUAL has no chapter \"$heading\" with these words: $words")
        if index($chapter{$heading} // '', join ' ', split ' ', $words) < 0;
}

for my $heading (sort keys %chapter) {
    wrong("$PROMISES: no promise of chapter \"$heading\" of $MANUAL")
        if !$promises{$heading};
}

my @mutants = mutants('t/mutants');
my @titles = titles();
my %block;

push @{ $block{ $_->[0] } }, $_->[1] for @titles;

for my $m (@mutants) {
    my $who = "$m->{at}: $m->{name}";

    wrong("$who breaks no row and no promise")
        if !@{ $m->{row} } && !@{ $m->{promise} };

    for my $name (@{ $m->{row} }) {
        $mutant{row}{$name} = 1;
        wrong("$who: no row \"$name\" in $ROWS") if !$any{$name};
        wrong("$who: row \"$name\" of $ROWS is not marked by \"! \"")
            if $any{$name} && !$defence{$name};
    }

    for my $name (@{ $m->{promise} }) {
        $mutant{promise}{$name} = 1;
        wrong("$who: no promise \"$name\" in $PROMISES") if !$promise{$name};
    }

    for my $test (@{ $m->{test} }) {
        my ($file, $title) = $test =~ /^(\S+?\.t)(?:: (.+))?$/;

        if (!defined $file || !-f $file) {
            wrong("$who: no test $test");

        } elsif (defined $title
                 && !grep { index($_, $title) >= 0 } @{ $block{$file} })
        {
            wrong("$who: no block of $file has in its title: $title");
        }
    }

    eval { mutate($m, '.'); 1 } or wrong($@ =~ s/\n\z//r);
}

for my $row (rows($NONE)) {
    my ($name, $why, $at) = @$row;

    $none{$name} = 1;
    wrong("$at: \"$name\" is no defence and no promise")
        if !$defence{$name} && !$promise{$name};
    wrong("$at: \"$name\" has a mutant")
        if $mutant{row}{$name} || $mutant{promise}{$name};
}

for my $name (sort keys %defence) {
    wrong("$ROWS: the defence \"$name\" has no mutant")
        if !$mutant{row}{$name} && !$none{$name};
}

for my $name (sort keys %promise) {
    wrong("$PROMISES: \"$name\" has no mutant")
        if !$mutant{promise}{$name} && !$none{$name};
}

wrong(@mutants . " mutants, at most $LIMIT: take one away for each that comes")
    if @mutants > $LIMIT;

done(@mutants . ' mutants, ' . keys(%defence) . ' defences, ' . keys(%promise)
     . ' promises');
