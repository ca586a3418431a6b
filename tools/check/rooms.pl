# The house: six folders, whose arrows go down only, by #include and by symbol,
# and in which nothing goes round in a circle.  A function's name begins with
# that of its file.  Each fault has a fixture here that must be found.

use strict;
use warnings;

use File::Temp 'tempdir';

use Check;

# what a folder knows, besides itself; conf and http do not see each other
my %BELOW = (
    conf    => [qw( session vcita net util )],
    http    => [qw( session vcita net util )],
    session => [qw( vcita net util )],
    vcita   => [qw( util )],
    net     => [qw( util )],
    util    => [],
);

# the one symbol of the front door that is needed below it
my $EXEMPT = "${PREFIX}_oauth_module";

# of the functions that a file exports, how many may have another name, in %
my $MISNAMED = 5;

my $OBJECTS = 'build/objs/addon';
my $FRONT = "${PREFIX}_oauth_module.c";

my %house = (files => {}, includes => {}, defines => {}, needs => {},
             functions => {});

for my $path (glob 'src/* src/*/*') {
    next if -d $path;
    wrong("$path is in none of the folders " . join ' ', sort keys %BELOW), next
        if !known($path);
    read_source(\%house, $path, $path);
}

read_source(\%house, $FRONT, $FRONT);

for my $path (sort grep { /\.c$/ } keys %{ $house{files} }) {
    my ($object) = $path eq $FRONT ? glob("$OBJECTS/*/${PREFIX}_oauth_module.o")
                 : $path =~ m{^src/(.*)\.c$} ? "$OBJECTS/$1.o" : ();

    wrong("the object of $path is not there: run make"), next
        if !defined $object || !-f $object;
    read_object(\%house, $path, $object);
}

my @faults = faults(\%house);
my $exported = map { @$_ } values %{ $house{functions} };
my @misnamed = misnamed(\%house);

wrong($_) for @faults;
fixtures();

my $arrows = arrows(\%house);
my $n = map { keys %$_ } values %$arrows;

done(keys(%{ $house{files} }) . " files, $n arrows, " . floors($arrows)
     . " floors, " . circles($arrows) . ' circles, '
     . "$exported functions, " . @misnamed . ' under another name');


# --- what there is ------------------------------------------------------------

sub known {
    my ($path) = @_;

    return $path eq $FRONT
           || $path =~ m{^src/(\w+)/\Q$PREFIX\E_\w+\.[ch]$} && $BELOW{$1};
}


sub folder { return $_[0] =~ m{^src/(\w+)/} ? $1 : '' }

sub name { return $_[0] =~ m{(?:^|/)\Q$PREFIX\E_(\w+)\.[ch]$} ? $1 : '?' }


# what a file of the house includes; its text may be somewhere else
sub read_source {
    my ($house, $path, $file) = @_;

    $house->{files}{$path} = 1;
    $house->{includes}{$path} =
        [ map { "src/$_" } slurp($file) =~ /^#include "([^"]+)"/mg ];
}


sub read_object {
    my ($house, $path, $object) = @_;

    $house->{functions}{$path} = [];

    for (`nm -g $object`) {
        my ($type, $symbol) = /([A-Za-z]) (\w+)$/ or next;
        next if $symbol !~ /^\Q$PREFIX\E/;

        if ($type eq 'U') {
            $house->{needs}{$path}{$symbol} = 1;
            next;
        }

        $house->{defines}{$symbol} = $path;
        push @{ $house->{functions}{$path} }, $symbol if $type eq 'T';
    }
}


# --- what is wrong ------------------------------------------------------------

sub faults {
    my ($house) = @_;
    my @found;

    # by #include

    my %knows;

    for my $path (sort keys %{ $house->{includes} }) {
        for my $other (@{ $house->{includes}{$path} }) {
            if (!$house->{files}{$other}) {
                push @found, "$path includes $other, which is not there";
                next;
            }

            push @found, "$path includes $other" if !may($path, $other);
            $knows{$path}{$other} = 1;
        }
    }

    push @found, map { 'includes go round: ' . join ' -> ', @$_, $_->[0] }
                     circles(\%knows);

    # by symbol

    for my $path (sort keys %{ $house->{needs} }) {
        for my $symbol (sort keys %{ $house->{needs}{$path} }) {
            my $other = $house->{defines}{$symbol} // next;

            push @found, "$path needs $symbol() of $other"
                if $symbol ne $EXEMPT && !may($path, $other);
        }
    }

    my $arrows = arrows($house);

    for my $circle (circles($arrows)) {
        my %in = map { $_ => 1 } @$circle;

        push @found, "a circle of " . @$circle . " files:";

        for my $path (@$circle) {
            for my $other (sort grep { $in{$_} } keys %{ $arrows->{$path} }) {
                push @found, '    ' . name($path) . ' -> ' . name($other) . ': '
                    . join ' ', map { s/^\Q$PREFIX\E_//r }
                                    @{ $arrows->{$path}{$other} };
            }
        }
    }

    # by name

    my @misnamed = misnamed($house);
    my $all = map { @$_ } values %{ $house->{functions} };

    push @found, @misnamed . " of $all functions are under another name than"
                 . " their file's:", map { "    $_" } @misnamed
        if @misnamed * 100 > $all * $MISNAMED;

    return @found;
}


# a file may know another one
sub may {
    my ($path, $other) = @_;
    my ($from, $to) = (folder($path), folder($other));

    return $to ne '' if $from eq '';
    return $from eq $to || grep { $_ eq $to } @{ $BELOW{$from} };
}


# file -> file that it needs -> symbols
sub arrows {
    my ($house) = @_;
    my %arrow;

    for my $path (keys %{ $house->{needs} }) {
        for my $symbol (sort keys %{ $house->{needs}{$path} }) {
            my $other = $house->{defines}{$symbol} // next;
            next if $other eq $path || $symbol eq $EXEMPT;
            push @{ $arrow{$path}{$other} }, $symbol;
        }
    }

    return \%arrow;
}


# "src/http/..._page.c: ngx_http_vcita_send_page"
sub misnamed {
    my ($house) = @_;
    my @found;

    for my $path (sort grep { folder($_) ne '' } keys %{ $house->{functions} }) {
        my $begin = "${PREFIX}_" . name($path);

        push @found, map { "$path: $_()" } grep { !/^\Q$begin\E(?:_|$)/ }
                         @{ $house->{functions}{$path} };
    }

    return @found;
}


# Tarjan: the strongly connected parts of more than one file
sub circles {
    my ($arrow) = @_;

    return grep { @$_ > 1 } parts($arrow);
}


# all parts, those first that know no others
sub parts {
    my ($arrow) = @_;
    my ($count, @stack, %index, %low, %on, @parts, $visit) = (0);

    $visit = sub {
        my ($v) = @_;

        $index{$v} = $low{$v} = $count++;
        push @stack, $v;
        $on{$v} = 1;

        for my $w (sort keys %{ $arrow->{$v} || {} }) {
            if (!defined $index{$w}) {
                $visit->($w);
                $low{$v} = $low{$w} if $low{$w} < $low{$v};

            } elsif ($on{$w}) {
                $low{$v} = $index{$w} if $index{$w} < $low{$v};
            }
        }

        return if $low{$v} != $index{$v};

        my ($w, @part);

        do {
            $w = pop @stack;
            $on{$w} = 0;
            unshift @part, $w;
        } while ($w ne $v);

        push @parts, \@part;
    };

    for my $v (sort keys %$arrow) {
        $visit->($v) if !defined $index{$v};
    }

    return @parts;
}


# the longest way down, a circle being one floor
sub floors {
    my ($arrow) = @_;
    my ($most, %floor) = (0);

    for my $part (parts($arrow)) {
        my %in = map { $_ => 1 } @$part;
        my $floor = 0;

        for my $other (map { keys %{ $arrow->{$_} || {} } } @$part) {
            next if $in{$other};
            $floor = $floor{$other} if $floor{$other} > $floor;
        }

        $floor{$_} = $floor + 1 for @$part;
        $most = $floor + 1 if $floor + 1 > $most;
    }

    return $most;
}


# --- is each fault found? -----------------------------------------------------

sub fixtures {
    my $dir = tempdir(CLEANUP => 1);
    my $f = "${PREFIX}_fixture";

    my @FIXTURES = (
        [ 'an upward call', qr/^src\/util\/\w+\.c needs ${f}_up\(\) of src\/http/,
          "src/util/${f}_low.c"
              => "void ${f}_up(void); void ${f}_low(void) { ${f}_up(); }",
          "src/http/${f}.c" => "void ${f}_up(void) { }" ],

        [ 'an upward include', qr/^src\/util\/\w+\.h includes src\/http\//,
          "src/util/${f}.h" => "#include \"http/${PREFIX}_http.h\"" ],

        [ 'conf that calls http', qr/^src\/conf\/\w+\.c needs ${f}_aside\(\)/,
          "src/conf/${f}_conf.c"
              => "void ${f}_aside(void);"
                 . " void ${f}_conf(void) { ${f}_aside(); }",
          "src/http/${f}_aside.c" => "void ${f}_aside(void) { }" ],

        [ 'a circle', qr/^    fixture_one -> fixture_two: /,
          "src/net/${f}_one.c"
              => "void ${f}_two(void); void ${f}_one(void) { ${f}_two(); }",
          "src/net/${f}_two.c"
              => "void ${f}_one(void); void ${f}_two(void) { ${f}_one(); }" ],

        [ 'functions under another name', qr/ under another name /,
          "src/util/${f}.c"
              => join ' ', map { "void ${PREFIX}_other_$_(void) { }" }
                               1 .. 200 ],
    );

    for my $fixture (@FIXTURES) {
        my ($what, $fault, %text) = @$fixture;
        my %copy = (files => { %{ $house{files} } },
                    includes => { %{ $house{includes} } },
                    defines => { %{ $house{defines} } },
                    needs => { %{ $house{needs} } },
                    functions => { %{ $house{functions} } });

        for my $path (sort keys %text) {
            my $file = $path =~ s{.*/}{$dir/}r;
            my $object = $file =~ s/\.c$/.o/r;

            open my $out, '>', $file or die "$file: $!\n";
            print $out "$text{$path}\n";
            close $out;

            read_source(\%copy, $path, $file);
            next if $path =~ /\.h$/;

            system($ENV{CC} || 'cc', '-c', '-o', $object, $file) == 0
                or die "no object of a fixture\n";
            read_object(\%copy, $path, $object);
        }

        my %known = map { $_ => 1 } @faults;

        wrong("the fixture is not found: $what")
            if !grep { $_ =~ $fault && !$known{$_} } faults(\%copy);
    }
}
