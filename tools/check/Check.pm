# Check - what the scripts of tools/check share: files, C sources as text, and
# how to report.  Each script calls wrong() for each fault, and ends with
# done("what was looked at").

package Check;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw( $PREFIX slurp tracked c_files without_comments literals
                  functions titles wrong done );

# what all names of the module begin with
our $PREFIX = 'ngx_http_vcita';

my $Name = $0 =~ s{.*/(\w+)\.pl$}{$1}r;
my $Wrong = 0;


sub slurp {
    my ($path) = @_;

    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar(<$file>) // '';
}


# files of the repository, those not yet added too
sub tracked {
    my @files = split /\0/, `git ls-files -z -co --exclude-standard 2>/dev/null`;

    @files = split /\n/, `find . -type f -not -path './build/*' | cut -c 3-`
        if !@files;

    return grep { -f && !-B } @files;
}


# the sources of the module itself
sub c_files { return sort glob "${PREFIX}_oauth_module.c src/*/*.[ch]" }


# C with its comments and strings emptied; lines stay where they are
sub without_comments {
    my ($text) = @_;

    $text =~ s{(/\*.*?\*/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}
              {defined $1 ? $1 =~ tr/\n//cdr : '""'}gse;

    return $text;
}


# the string literals of a C text, neighbors joined, as the compiler sees them
sub literals {
    my ($text) = @_;
    my @found;

    $text =~ s{/\*.*?\*/}{}gs;

    while ($text =~ /((?:"(?:[^"\\\n]|\\.)*"\s*)+)/g) {
        my $all = $1;
        my $one = join '', $all =~ /"((?:[^"\\\n]|\\.)*)"/g;
        push @found, $one =~ s/\\(.)/$1/gr;
    }

    return @found;
}


# [name, first line, number of lines] of each function of a C file
sub functions {
    my ($path) = @_;
    my @line = split /\n/, without_comments(slurp($path));
    my @found;

    for (my $i = 1; $i < @line; $i++) {
        my ($name) = $line[$i] =~ /^([a-z]\w*)\(/ or next;
        next if $line[$i - 1] !~ /^[a-zA-Z]/;

        my $end = $i;

        $end++ while $end < @line && $line[$end] !~ /^[{}]|;$/;
        next if $end == @line || $line[$end] ne '{';

        $end++ while $end < @line && $line[$end] ne '}';
        push @found, [ $name, $i, $end - $i + 2 ];
    }

    return @found;
}


# [file, title] of each block of the tests
sub titles {
    my @found;

    for my $path (sort glob 't/*.t') {
        push @found, map { [ $path, $_ ] }
            slurp($path) =~ /^(?:# )?=== +TEST +\d+: +(.*?) *$/mg;
    }

    return @found;
}


sub wrong {
    my ($text) = @_;

    print "    $text\n";
    $Wrong++;
}


sub done {
    my ($what) = @_;

    printf "%-10s %s: %s\n", $Name, $what, $Wrong ? "$Wrong wrong" : 'ok';
    exit($Wrong ? 1 : 0);
}


1;
