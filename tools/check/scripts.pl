# Every shell script can be read to its end, and no merge was left half done.

use strict;
use warnings;

use Check;

my ($files, $scripts) = (0, 0);

for my $path (tracked()) {
    my $text = slurp($path);

    $files++;
    wrong("$path: a merge that was left half done")
        if $text =~ /^(?:<{7} |>{7} |={7}$)/m;

    next if $text !~ /^#!.*\bbash$/m && $path !~ /\.sh$/;

    $scripts++;
    my $said = `bash -n "$path" 2>&1`;
    wrong($said =~ s/\n.*//sr) if $?;
}

done("$scripts scripts, $files files");
