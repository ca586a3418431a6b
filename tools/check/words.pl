# No unfinished business, and nothing that only this machine knows: where the
# repository is, and from where packages come here.

use strict;
use warnings;

use Check;

use Cwd ();

my @private = (Cwd::getcwd(), map { "/wor[k]/$_\\b" } qw( main shared ));
my ($files, $n);

$private[0] = quotemeta $private[0];

for my $host (mirrors()) {
    push @private, "\\b\Q$host\E\\b";
}

my $unfinished = join '|', map { "\\b$_\\b" } 'TO' . 'DO', 'FIX' . 'ME', 'X' x 3;
$unfinished .= '|' . 'X' x 4;
my $private = join '|', @private;

for my $path (tracked()) {
    $n = 0;
    $files++;

    for my $line (split /\n/, slurp($path)) {
        $n++;
        wrong("$path:$n: unfinished: $&") if $line =~ /$unfinished/;
        wrong("$path:$n: known here only: $&") if $line =~ /$private/;
    }
}

done("$files files");


# the hosts that packages come from
sub mirrors {
    my $text = join "\n",
        `apt-get indextargets --format '\$(REPO_URI)' 2>/dev/null`,
        `npm config get registry 2>/dev/null`,
        map { $ENV{$_} // () } qw( http_proxy https_proxy HTTP_PROXY
                                   HTTPS_PROXY );
    my %host;

    $host{$1} = 1
        while $text =~ m{\bhttps?://(?:[^/\@\s]*\@)?([\w.-]+\.[\w-]+)}g;

    return sort keys %host;
}
