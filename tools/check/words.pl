# No unfinished work, nothing that is known to this machine only (its paths and
# package mirrors), and no word that a reader stumbles over in comments, in log
# lines and in messages.

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


# plain English: a noun instead of "nobody", "automatically" instead of "by
# itself", the term of OAuth or nginx instead of a picture

my $plain = qr/\b(?:nobody|somebody|anybody|whoever|of\ ours|of\ theirs
                 |by\ (?:itself|themselves|ourselves)
                 |verdicts?|talks?|talking|who\ comes|on\ it\ goes
                 |so\ do(?:es)?\ (?:the|it|its|all))\b/xi;

# pages have texts of their own
my %PAGES = map { $_ => 1 } glob "src/http/${PREFIX}_text_*.h";

for my $text ('/* nobody waits */', 'x(log, "sent by itself");',
              'x("first "' . "\n" . '  "talks to Redis");',
              "/*\n * so does\n * the log\n */")
{
    wrong("not caught: $text") if join("\n", english_c($text)) !~ $plain;
}

for my $text ('/* the user itself */', 'verdict = "vcita_oauth_verdicts";') {
    wrong("caught: $text") if join("\n", english_c($text)) =~ $plain;
}

wrong('not caught: # whoever') if join("\n", english_script("a # whoever")) !~ $plain;
wrong('caught: a variable') if join("\n", english_script('verdict=1')) =~ $plain;

for my $path (c_files()) {
    my $text = slurp($path);

    $text =~ s/"(?:[^"\\\n]|\\.)*"/""/g if $PAGES{$path};
    wrong("$path: plain English: $_") for map { /$plain/ ? $& : () } english_c($text);
}

for my $path (grep { m{^(?:tools/|\.ci/run$|t/lib/.*\.pm$|examples/[^/]*\.(?:sh|pl)$)}
                     && $_ ne 'tools/check/words.pl' } tracked())
{
    my $text = slurp($path);
    my @said = $path =~ m{^examples/} ? split(/\n/, $text) : english_script($text);

    wrong("$path: plain English: $_") for map { /$plain/ ? $& : () } @said;
}

# documents and configurations: all of their text

for my $path (grep { m{^(?:docs/|README\.md|CONTRIBUTING\.md|examples/)}
                     && /\.(?:md|conf|html|yml)$/ } tracked())
{
    my $n = 0;

    for my $line (split /\n/, slurp($path)) {
        $n++;
        wrong("$path:$n: plain English: $&") if $line =~ $plain;
    }
}

done("$files files");


# comments, and strings, those of several lines as one
sub english_c {
    my ($text) = @_;
    my @comments = $text =~ m{/\*(.*?)\*/}gs;

    $text =~ s{/\*.*?\*/}{}gs;
    s/\n\s*\*?\s*/ /g for @comments;
    $text =~ s/"\s*\n\s*"//g;

    return (@comments, $text =~ /"((?:[^"\\\n]|\\.)*)"/g);
}


# comments of the shell and of Perl
sub english_script {
    my ($text) = @_;

    return $text =~ /(?:^|\s)#\s(.*)/mg;
}


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
