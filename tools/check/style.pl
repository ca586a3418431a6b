# nginx's style, as far as a script can tell, and rooms of a readable size.

use strict;
use warnings;

use Check;

my $FUNCTION = 70;                           # lines
my $FILE = 600;

# longer than that, with the reason
my %LONG = ();

my ($lines, $functions) = (0, 0);
my @c = (c_files(), sort glob 't/{fuzz,slow,unit}/*.[ch]');
my @module = c_files();
my %seen;


# in every file of the repository, but what is input for the fuzz targets

for my $path (grep { !m{^t/fuzz/seeds/} } tracked()) {
    my $n = 0;
    my $text = slurp($path);

    wrong("$path: no newline at the end") if length $text && $text !~ /\n\z/;

    for my $line (split /\n/, $text) {
        $n++;
        wrong("$path:$n: a tab")
            if $line =~ /\t/ && $path !~ m{(?:^|/)Makefile$|^debian/rules$};
        wrong("$path:$n: a trailing blank")
            if $line =~ /[ \r]$/ && $path !~ /\.t$/;
    }

    $lines += $n;
}


# in C

for my $path (@c) {
    my $n = 0;

    for my $line (split /\n/, slurp($path)) {
        $n++;
        wrong("$path:$n: " . length($line) . ' columns') if length $line > 80;
    }

    $n = 0;

    for my $line (split /\n/, without_comments(slurp($path))) {
        $n++;
        wrong("$path:$n: a // comment") if $line =~ m{//};
    }
}


# prototypes and sizes

my $headers = join "\n", map { prototypes($_) } grep { /\.h$/ } @c;

for my $path (@c) {
    my $own = prototypes($path);

    for my $f (functions($path)) {
        my ($name, $line, $size) = @$f;

        wrong("$path:$line: $name() has no prototype")
            if "$own\n$headers" !~ /\b\Q$name\E\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\s+ngx_http_vcita_hot)?;/;

        $functions++;
        next if $path =~ m{^t/};

        wrong("$path:$line: $name() has $size lines")
            if $size > ($LONG{$name} // $FUNCTION);
    }
}

for my $path (@module) {
    my $size = () = slurp($path) =~ /\n/g;

    wrong("$path has $size lines") if $size > ($LONG{$path} // $FILE);
}

done("$lines lines, $functions functions");


# what stands outside of functions
sub prototypes {
    my ($path) = @_;
    my $text = without_comments(slurp($path));

    $text =~ s/^\{\n.*?^\}\n//gms;
    $text =~ s/^#(?:[^\n\\]|\\\n|\\.)*\n//gm;

    return $text;
}
