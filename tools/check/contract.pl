# t/contract.rows lists what the module promises, a row a line:
#
#     a short name  =>  a regular expression that the title of a block matches
#
# Each row must have a block in t/*.t.  Rows of a section "not yet: topic" belong
# to work that is still to come: they need none, and are told when they get one.
# A row that begins with "! " is a defence, and has a mutant (mutants.pl).

use strict;
use warnings;

use Check;

my $ROWS = 't/contract.rows';
my @titles = titles();
my ($rows, $later, $topic, $n, %name) = (0, 0, '', 0);

for my $line (split /\n/, slurp($ROWS)) {
    $n++;

    next if $line =~ /^\s*(?:#|$)/;

    if ($line =~ /^\[(.+)\]$/) {
        $topic = $1 =~ /^not yet: (.+)/ ? $1 : '';
        next;
    }

    my ($row, $regex) = $line =~ /^(?:! +)?(\S.*?)\s+=>\s+(\S.*)$/;

    if (!defined $row || !eval { qr/$regex/ }) {
        wrong("$ROWS:$n: not \"name => regex\"");
        next;
    }

    wrong("$ROWS:$n: a second row \"$row\"") if $name{$row}++;

    my @found = grep { $_->[1] =~ /$regex/i } @titles;

    if ($topic) {
        $later++;
        print "    note: \"$row\" ($topic) has a block in $found[0][0]:"
              . " move its row up\n" if @found;
        next;
    }

    $rows++;
    wrong("no block for \"$row\": no title matches /$regex/") if !@found;
}

die "$ROWS has no rows\n" if !$rows;

done("$rows rows, " . @titles . " blocks, $later rows not yet");
