# docs/errors.md has an entry for each code that the sources know, and quotes
# the log as it is: "..." in a quote stands for what differs.

use strict;
use warnings;

use Check;

my $manual = slurp('docs/errors.md');
my @literals = map { literals(slurp($_)) } c_files();
my $quotes = 0;


# what a format string prints, as a regular expression: a %s of it is captured,
# since it is another literal

my %literal = map { $_ => 1 } @literals;
my @said = map { regex($_) } grep { s/%\w+//gr =~ /\w.*\w/ } @literals;


# codes: those that have words for a page, and none besides

my $source = slurp("src/http/${PREFIX}_errors.c");
my %word = map { $_ => 1 }
               literals(slurp("src/http/${PREFIX}_text_en.h"));
my ($codes) = $source =~ /_errors\[\] = \{(.*?)^\};/ms
    or die "no table of errors\n";
my %known = map { $_ => 1 } $codes =~ /\{ "(\w+)",/g;
my %entry = map { $_ => 1 } $manual =~ /^### ([a-z]+(?:_[a-z]+)*)$/mg;

delete $entry{other};

for my $code (sort keys %known) {
    wrong("$code has no entry") if !$entry{$code};
}

for my $code (sort keys %entry) {
    wrong("$code is in no source") if !$known{$code};
}


# each entry has its parts

for my $part (split /^### /m, $manual) {
    my ($code) = $part =~ /^(\w+)\n/ or next;
    next if !$known{$code};

    for my $word ('Seen:', 'Log', 'Cause:', 'What to do:') {
        wrong("$code: no \"$word\"") if $part !~ /^\*\*$word/m;
    }
}


# what a person saw, and what the log says

for my $title ($manual =~ /^\*\*Seen:\*\* \d+[^"]*?"([^"]+)"/mg) {
    wrong("no page is called \"$title\"") if !$word{$title};
    $quotes++;
}

while ($manual =~ /^```(\w*)\n(.*?)^```$/msg) {
    next if $1;

    for my $line (split /\n/, $2) {
        wrong("no log line like \"$line\"") if !logged($line);
        $quotes++;
    }
}

done(keys(%known) . " codes, $quotes quotes");


# a line is one of the formats, and what fills its %s is known or left out
sub logged {
    my ($line) = @_;

    for my $format (@said) {
        my @filled = $line =~ /^$format$/ or next;

        return 1 if !grep { $_ ne '1' && $_ !~ /^(?:\.\.\.)?$/ && !$literal{$_} }
                    @filled;
    }

    return 0;
}


sub regex {
    my ($format) = @_;

    return join '', map { $_ eq '%s' ? '(.*)' : /^%/ ? '.*' : quotemeta }
                    split /(%\w+)/, $format;
}
