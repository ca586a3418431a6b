# Report - bench/results.md and bench/results.svg, from what was measured, and the
# table of ratios in README.md.

package Report;

use strict;
use warnings;

use Bench;

use Exporter 'import';
use POSIX ();

our @EXPORT = qw( report );

my $R;                                           # everything that was found


sub report {
    my $dir;

    ($R, $dir) = @_;

    my $text = join "\n", head(), bars(), map({ table($_) } @{ $R->{targets} }),
        anonymous(), logins(), hanging(), bearer($R->{extra}{bearer}),
        sessions(), growth(), memory(), system_calls();

    spew("$dir/results.md", $text);
    chart("$dir/results.svg");
    readme("$ROOT/README.md") if $dir eq "$ROOT/bench";
    print $text;
}


# --- figures ------------------------------------------------------------------

# the median over the rounds
sub figure {
    my ($name, $what) = @_;
    return median(map { $_->{$what} } @{ $R->{found}{$name} });
}


# the median of what f makes of both in each round
sub paired {
    my ($one, $other, $f) = @_;
    my @one = @{ $R->{found}{$one} };
    my @other = @{ $R->{found}{$other} };

    return median(map { $f->($one[$_], $other[$_]) } 0 .. $#one);
}


sub ratio { return paired(@_, sub { $_[0]{cpu} / $_[1]{cpu} }) }

sub added { return paired(@_, sub { $_[0]{cpu} - $_[1]{cpu} }) }


sub added_by {
    my ($id, $target) = @_;
    return added("$id $target", "$R->{contestants}{$id}{beside} $target");
}


# --- text ---------------------------------------------------------------------

sub head {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my ($os) = slurp('/etc/os-release') =~ /^PRETTY_NAME="?([^"\n]*)/m;
    my @versions = versions(qw( nginx apache2 libapache2-mod-auth-openidc
                                libssl3 libcurl4 wrk ));
    my $n = `nproc` + 0;
    my ($load) = slurp('/proc/loadavg') =~ /^(\S+ \S+ \S+)/;

    return <<END;
# What the gate costs

Written by `make bench` on ${\ POSIX::strftime('%Y-%m-%d', gmtime) }: $cpu, $n cpus, $os, Linux ${\ (POSIX::uname())[2] };
@{[ join ', ', @versions ]}. Load of the machine at the end: $load.

CPU is the time that the kernel counted for the worker, for each request; $R->{rounds} rounds of $R->{seconds} s, one measurement after
another, medians. **Ratios are what counts**: to the same server, in the same round, without auth and with the same
cookie sent. The worker had one cpu, wrk (16 connections), daemons, upstreams and the stand-in for vcita the other.
Cookies: @{[ join ', ', map { "$_ $R->{cookies}{$_} bytes" } sort keys %{ $R->{cookies} } ]}.
END
}


sub table {
    my ($target) = @_;
    my $text = <<END;
## $R->{titles}{$target}

| | CPU us | added us | ratio | requests/s | p50 us | p99 us |
| --- | --- | --- | --- | --- | --- | --- |
END

    for my $id (@{ $R->{order} }) {
        my $c = $R->{contestants}{$id};
        my $name = "$id $target";

        $text .= sprintf "| %s | %.1f | %s | %s | %d | %d | %d |\n", $c->{title},
            figure($name, 'cpu'),
            $c->{beside} ? sprintf('%.2f', added_by($id, $target)) : '',
            $c->{beside} ? sprintf('**%.2f**', ratio($name, "$c->{beside} $target"))
                         : '1',
            map { figure($name, $_) } qw( rate p50 p99 );
    }

    return $text;
}


# what is to hold, and what was found
sub bars {
    my $text = <<'END';
## What is to hold

| | bar | found |
| --- | --- | --- |
END

    for ([ 'gate0', 'gif', 1.20 ], [ 'gate0', '1k', 1.10 ], [ 'gate2', 'proxy', 1.08 ]) {
        my ($id, $target, $bar) = @$_;
        my $ratio = ratio("$id $target", "nginx $target");

        $text .= bar("$R->{titles}{$target}, $R->{contestants}{$id}{title}: CPU"
                     . ' to that without auth', '<= %.2f', $bar, $ratio, $ratio <= $bar);
    }

    my $anonymous = ratio('gate 302', 'plain 302');
    $text .= bar('redirect to vcita: CPU to that of `return 302`, as long',
                 '<= %.1f', 3.0, $anonymous, $anonymous <= 3);

    my $login = $R->{extra}{logins}{cpu} / 1000;
    $text .= bar('a login: ms of CPU', '<= %.1f', 0.5, $login, $login <= 0.5);

    for ([ fresh => 20 ], [ openidc => 20 ], [ 'openidc-s' => 20 ], [ alive => 5 ]) {
        my ($id, $bar) = @$_;
        my $times = median(map { added_by($id, $_) / added_by('gate0', $_) }
                           @{ $R->{targets} });

        $text .= bar("$R->{contestants}{$id}{title}: what it adds, to what this"
                     . ' module adds', '>= %d', $bar, $times, $times >= $bar);
    }

    return $text;
}


sub bar {
    my ($what, $format, $bar, $found, $held) = @_;

    return sprintf "| %s | $format | %.2f%s |\n", $what, $bar, $found,
        $held ? '' : ' **missed**';
}


sub anonymous {
    return sprintf <<'END', map({ figure($_, 'cpu'), figure($_, 'rate') } 'plain 302', 'gate 302'), ratio('gate 302', 'plain 302'), map({ figure($_, 'cpu'), figure($_, 'rate') } 'openidc 302');
## A browser that is not signed in

| | CPU us | requests/s | ratio |
| --- | --- | --- | --- |
| `return 302`, as long | %.1f | %d | 1 |
| redirect to vcita | %.1f | %d | **%.2f** |
| mod_auth_openidc's redirect | %.1f | %d | |
END
}


sub logins {
    my $l = $R->{extra}{logins};

    return sprintf <<'END', $l->{cpu} / 1000, $l->{rate};
## Logins

Redirect, callback with two calls to the stand-in for vcita, and the page: **%.2f ms** of the worker's CPU, %d a second
with clients and stand-in on one cpu.
END
}


sub hanging {
    my $h = $R->{extra}{hanging};

    return sprintf <<'END', $h->{n}, map { @{ $h->{$_} }{qw( p50 p99 max )} } qw( alone beside );
## Other requests while %d logins hang

| a location without gate, one client | p50 us | p99 us | longest us |
| --- | --- | --- | --- |
| no logins | %d | %d | %d |
| all of them wait for vcita | %d | %d | %d |
END
}


sub bearer {
    my ($b) = @_;

    return sprintf <<'END', map { $b->{$_} } qw( cookie repeated fresh );
## Signed tokens

| a 1 KiB file, on one connection | the gate adds, CPU us |
| --- | --- |
| the cookie of a session, opened before | %.1f |
| a signed token, verified before | %.1f |
| a new signed token, RSA of 2,048 bits | %.1f |
END
}


sub sessions {
    my $s = $R->{extra}{sessions};
    my $first = median(@{ $s->{found}{ $s->{sizes}[0] } });
    my $text = <<'END';
## Sessions in turn

| sessions | CPU us | ratio |
| --- | --- | --- |
END

    for my $n (@{ $s->{sizes} }) {
        my @all = @{ $s->{found}{$n} };

        $text .= sprintf "| %d | %.1f | %.2f |\n", $n, median(@all),
            median(@all) / $first;
    }

    return $text;
}


sub growth {
    return <<END . $R->{extra}{growth};
## Growth

Instructions a request for `empty_gif`, counted by callgrind, as load cannot change them.

END
}


sub memory {
    my $m = $R->{extra}{memory};

    return sprintf <<'END', $m->{plain}, $m->{gate};
## Memory

Resident, one worker after a second of load: %.1f MiB without a gate, %.1f MiB with one.
END
}


sub system_calls {
    my $calls = $R->{extra}{calls};
    my %names = map { $_ => 1 } map { keys %$_ } values %$calls;
    my $text = <<'END';
## System calls

strace -c over 1,000 requests for `empty_gif` with a session:

| | without gate | with it |
| --- | --- | --- |
END

    $text .= sprintf "| %s | %d | %d |\n", $_, $calls->{plain}{$_} // 0,
        $calls->{gate}{$_} // 0 for sort keys %names;

    return $text;
}


# --- README.md ---------------------------------------------------------------

# what stands there between two comments
sub readme {
    my ($file) = @_;
    my $n = @{ $R->{targets} };
    my $table = join ' | ', '|', map({ $R->{titles}{$_} } @{ $R->{targets} });

    $table .= " |\n|" . ' --- |' x ($n + 1) . "\n";

    for my $id (grep { $R->{contestants}{$_}{beside} } @{ $R->{order} }) {
        my $beside = $R->{contestants}{$id}{beside};

        $table .= join ' | ', "| $R->{contestants}{$id}{title}",
            map({ sprintf '%.2f', ratio("$id $_", "$beside $_") }
                @{ $R->{targets} });
        $table .= " |\n";
    }

    my $text = slurp($file);
    my $added = sprintf "\nA redirect to vcita takes %.1f times the CPU of a `return 302` of"
        . " the same length; a whole login, %.2f ms.\n",
        ratio('gate 302', 'plain 302'), $R->{extra}{logins}{cpu} / 1000;

    $text =~ s/(<!-- make bench writes this -->\n).*?(<!-- to here -->)/$1$table$added$2/s
        or die "README.md has no place for the ratios\n";
    spew($file, $text);
}


# --- the chart ----------------------------------------------------------------

sub chart {
    my ($file) = @_;
    my @ids = grep { $R->{contestants}{$_}{beside} } @{ $R->{order} };
    my $data = '';

    for my $id (@ids) {
        my $beside = $R->{contestants}{$id}{beside};

        $data .= join ' ', qq("$R->{contestants}{$id}{title}"),
            map({ sprintf '%.3f', ratio("$id $_", "$beside $_") }
                @{ $R->{targets} }), "\n";
    }

    spew("$DIR/chart.dat", $data);

    my $n = 1;
    my $plots = join ', ', map { $n++; qq("$DIR/chart.dat" using $n:xtic(1) )
                                 . qq(title "$R->{titles}{$_}") }
        @{ $R->{targets} };

    spew("$DIR/chart.gp", <<END);
set terminal svg size 900,520 background "white" font "sans-serif,13"
set output "$file"
set title "CPU of the worker per signed-in request, relative to the same server without auth"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set logscale y
set yrange [0.9:*]
set ytics (1, 1.1, 1.5, 2, 3, 5, 8, 12)
set grid ytics
set xtics rotate by -20 left noenhanced
set rmargin 18
set key top left
plot $plots
END

    system('gnuplot', "$DIR/chart.gp") == 0 or die "gnuplot failed\n";

    # as text files are here
    spew($file, slurp($file) =~ tr/\t/ /r =~ s/ +$//mgr);
}


1;
