# One version: the header's is what the changes for users and the Debian package
# begin with, and no document names another.

use strict;
use warnings;

use Check;

my $header = slurp("src/util/${PREFIX}_version.h");
my ($version) = $header =~ /^#define NGX_HTTP_VCITA_VERSION +"([^"]*)"$/m
    or die "no version in src/util/${PREFIX}_version.h\n";

my %first = (
    'CHANGES' => qr/\A\nChanges with the vcita OAuth gate (\S+) /,
    'debian/changelog' => qr/\A\S+ \((?:\d+:)?([^)]+)-[^-)]+\)/,
);

wrong("\"$version\" is no version") if $version !~ /^\d+\.\d+\.\d+$/;

for my $path (sort keys %first) {
    my ($other) = slurp($path) =~ $first{$path};

    wrong("$path begins with " . ($other // 'no version') . ", not $version")
        if ($other // '') ne $version;
}

# the name of a package file, as in: apt-get install ./NAME_1.0.0-1_amd64.deb

for my $path ('README.md', glob 'docs/*.md') {
    my $text = slurp($path);

    while ($text =~ /vcita[-_]oauth[-_](\d+(?:\.\d+)+)/g) {
        wrong("$path names $1, not $version") if $1 ne $version;
    }
}

done($version);
