# The texts of the pages: each language has each key, in the order of the
# English file; each key is used; a value has its place in each language; and no
# text needs escaping in HTML.  Each fault has a fixture here that must be found.

use strict;
use warnings;

use Encode ();

use Check;

my $KEY = 'NGX_HTTP_VCITA_TEXT_';
my $LONGEST = 600;                           # bytes

my %language;

for my $path (sort glob "src/http/${PREFIX}_text_*.h") {
    my ($code) = $path =~ /_text_(\w+)\.h$/;
    $language{$code} = read_texts(slurp($path));
}

my $catalogue = slurp("src/http/${PREFIX}_text.c");
my $used = join "\n", map { slurp($_) }
               grep { !/_text(?:_\w+)?\.[ch]$/ } c_files();

wrong($_) for faults($used, $catalogue, \%language);
fixtures();

done(@{ $language{en} } . ' texts, ' . keys(%language) . ' languages');


# [key, text] of each row; the text as bytes
sub read_texts {
    my ($source) = @_;
    my @found;

    while ($source =~ /^text\((\w+),\s*((?:"(?:[^"\\\n]|\\.)*"\s*)+)\)$/mg) {
        my ($key, $strings) = ($1, $2);
        push @found, [ $key, join '', $strings =~ /"((?:[^"\\\n]|\\.)*)"/g ];
    }

    return \@found;
}


sub faults {
    my ($used, $catalogue, $language) = @_;
    my @found;
    my %en = map { @$_ } @{ $language->{en} };
    my @keys = map { $_->[0] } @{ $language->{en} };

    for my $key (@keys) {
        push @found, "$key is not used" if $used !~ /\b\Q$key\E\b/;
    }

    for my $code (sort keys %$language) {
        my @own = map { $_->[0] } @{ $language->{$code} };
        my %own = map { $_ => 1 } @own;

        push @found, "$code is not in the catalogue"
            if $catalogue !~ /^#include "http\/\Q$PREFIX\E_text_\Q$code\E\.h"$/m;
        push @found, map { "$code: $_ is missing" } grep { !$own{$_} } @keys;
        push @found, map { "$code: $_ is no key" } grep { !defined $en{$_} } @own;
        push @found, "$code: the keys are not in the order of the English ones"
            if "@own" ne "@keys";

        for (@{ $language->{$code} }) {
            my ($key, $text) = @$_;
            my $values = () = $text =~ /%s/g;
            my $expected = () = ($en{$key} // '') =~ /%s/g;

            push @found, "$code: $key is not UTF-8"
                if !defined eval {
                    Encode::decode('UTF-8', my $copy = $text, Encode::FB_CROAK);
                };
            push @found, "$code: $key needs escaping"
                if $text =~ /[<>&"\\\x00-\x1f\x7f]/;
            push @found, "$code: $key has $values values, not $expected"
                if $values != $expected || $values > 1;
            push @found, "$code: $key has a \"%\" without a value"
                if $text =~ /%(?!s)/;
            push @found, "$code: $key is empty" if $text !~ /\S/;
            push @found, "$code: $key is too long" if length $text > $LONGEST;
        }
    }

    return @found;
}


sub fixtures {
    my $row = sub { qq{text($KEY$_[0],\n     "$_[1]")\n} };
    my $en = $row->('ONE', 'one') . $row->('TWO', 'two: %s');
    my $de = $row->('ONE', 'eins') . $row->('TWO', 'zwei: %s');
    my $uses = "${KEY}ONE ${KEY}TWO";
    my $includes = join '', map { "#include \"http/${PREFIX}_text_$_.h\"\n" }
                                qw( en de );

    my @FIXTURES = (
        [ '', $uses, $includes, $de ],
        [ 'TWO is not used', "${KEY}ONE", $includes, $de ],
        [ 'de is not in the catalogue', $uses, $includes =~ s/_de/_fr/r, $de ],
        [ 'TWO is missing', $uses, $includes, $row->('ONE', 'eins') ],
        [ 'SIX is no key', $uses, $includes, $de . $row->('SIX', 'sechs') ],
        [ 'not in the order', $uses, $includes,
          $row->('TWO', 'zwei: %s') . $row->('ONE', 'eins') ],
        [ 'ONE needs escaping', $uses, $includes, $de =~ s/eins/<b>/r ],
        [ 'ONE is not UTF-8', $uses, $includes, $de =~ s/eins/\xe4/r ],
        [ 'ONE is empty', $uses, $includes, $de =~ s/eins/ /r ],
        [ 'TWO has 0 values', $uses, $includes, $de =~ s/%s//r ],
        [ 'ONE has a "%"', $uses, $includes, $de =~ s/eins/1%/r ],
    );

    for (@FIXTURES) {
        my ($fault, $uses, $includes, $de) = @$_;
        my @found = faults($uses, $includes,
                           { en => read_texts($en), de => read_texts($de) });

        wrong($fault ? "the fixture is not found: $fault" : "@found")
            if $fault ? !grep { /\Q$fault\E/ } @found : @found;
    }
}
