# Each relative link of the documents leads to a file that is there, and each
# anchor to a heading of it.

use strict;
use warnings;

use Check;

my (%Anchors, $Links);

for my $path (grep { /\.md$/ } tracked()) {
    my $text = prose(slurp($path));
    my ($folder) = $path =~ m{^(.*/)?};
    my $n = 0;

    for my $line (split /\n/, $text) {
        $n++;

        while ($line =~ /\]\(([^()\s]+)(?:\s+"[^"]*")?\)|<(?:a href|img src)="([^"]+)"/g) {
            check("$path:$n", ($folder // '') , $path, $1 // $2);
        }
    }
}

done("$Links links");


# Markdown without what is shown as it is; lines stay where they are
sub prose {
    my ($text) = @_;

    $text =~ s/^(\h*)```.*?^\1```\h*$/$& =~ tr{\n}{}cdr/gemsu;
    $text =~ s/(`+)(?!`).*?(?<!`)\1(?!`)/code/g;
    return $text;
}


sub check {
    my ($place, $folder, $path, $link) = @_;
    my ($to, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;

    return if $to =~ m{^[a-z][a-z0-9+.-]*:}i;

    $Links++;
    my $file = $to eq '' ? $path : plain("$folder$to");

    if (!-e $file) {
        wrong("$place: no $file ($link)");
        return;
    }

    return if !defined $anchor;

    wrong("$place: no heading for $link")
        if $file =~ /\.md$/ && !anchors($file)->{$anchor};
}


# a/b/../c is a/c
sub plain {
    my ($path) = @_;

    1 while $path =~ s{(^|/)(?!\.\./)[^/]+/\.\./}{$1};
    return $path =~ s{^\./|/$}{}gr;
}


# what a page of the code host makes of its headings
sub anchors {
    my ($file) = @_;

    return $Anchors{$file} ||= do {
        my (%anchor, %seen);
        my $text = slurp($file) =~ s/^(\h*)```.*?^\1```\h*$//gmsr;

        for my $heading ($text =~ /^#{1,6}\s+(.*?)\s*#*$/mg) {
            $heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
            my $name = lc($heading) =~ s/[^\w\s-]//gr =~ s/\s/-/gr;
            my $times = $seen{$name}++;
            $anchor{ $times ? "$name-$times" : $name } = 1;
        }

        $anchor{$_} = 1 for $text =~ /<a (?:id|name)="([^"]+)"/g;
        \%anchor;
    };
}
