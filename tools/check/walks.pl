# CONTRIBUTING.md: its table of topics names each source under its folder, and
# each test; its examples apply to the sources as they are.

use strict;
use warnings;

use Check;

my $file = 'CONTRIBUTING.md';
my $text = slurp($file);
my ($table) = $text =~ /^\| topic \| src \| tests \|\n(.*?)\n\n/ms
    or die "$file has no table of topics\n";
my (%source, %test);

for my $row (grep { !/^\| ---/ } split /\n/, $table) {
    my (undef, undef, $sources, $tests) = split / *\| */, $row;

    for my $part (split /; /, $sources) {
        my ($folder, $names) = $part =~ /^(\w+): (.*)/
            or wrong("$file: no folder in the row \"$part\""), next;

        $source{"src/$folder/${PREFIX}_$_.c"} = 1 for split /, /, $names;
    }

    $test{"t/$_"} = 1 for $tests =~ /\b([\w-]+\.t)\b/g;
}

for ([ \%source, glob 'src/*/*.c' ], [ \%test, glob 't/*.t' ]) {
    my ($named, @there) = @$_;
    my %there = map { $_ => 1 } @there;

    wrong("$_ is not in the table of $file") for grep { !$named->{$_} } @there;
    wrong("$file names $_, which is not there")
        for grep { !$there{$_} } sort keys %$named;
}


# patch is what tools/docs-test.sh applies the examples by

my $diffs = join '', $text =~ /^```diff\n(.*?)^```$/msg;
my $applied = 'no patch to apply the examples by';

if (grep { -x "$_/patch" } split /:/, $ENV{PATH}) {
    wrong("the examples of $file do not apply, see patch -p1 --dry-run")
        if !applies('') && !applies('-R');         # -R: they are applied
    $applied = (() = $diffs =~ /^--- /mg) . ' files of examples';
}

done(keys(%source) . ' sources, ' . keys(%test) . " tests, $applied");


sub applies {
    my ($way) = @_;

    open my $patch, '|-', "patch $way -p1 --dry-run --force >/dev/null 2>&1"
        or die "patch: $!\n";
    print $patch $diffs;
    return close $patch;
}
