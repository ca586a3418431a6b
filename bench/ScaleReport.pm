# ScaleReport - what scale.pl found: its part of bench/results.md, and the curves
# of bench/scale.svg.

package ScaleReport;

use strict;
use warnings;

use Bench;

use Exporter 'import';
use POSIX ();

our @EXPORT = qw( scale_report );

my @STORES = qw( cookie zone redis );
my %NAME = (plain => 'no gate', cookie => 'cookie', zone => 'zone of 1 GiB',
            redis => 'Redis');
my $F;                                           # everything that was found


sub scale_report {
    my $dir;

    ($F, $dir) = @_;

    my $text = join "\n", head(), cpu(), memory(), full(), starts(), idle(),
        logins();

    chart("$dir/scale.svg");
    write_between("$dir/results.md", 'make bench-scale', $text);
    print $text;
}


sub head {
    my ($load) = slurp('/proc/loadavg') =~ /^(\S+ \S+ \S+)/;

    return <<END;
## How it grows

Written by `make bench-scale` on ${\ POSIX::strftime('%Y-%m-%d', gmtime) }. Load of the machine at the end: $load.
Sessions were sealed by the bench with the client's key; a zone was filled by the module's own store. *Noisy*: the
middle half of the rounds' ratios is wider than 2 %.

![CPU and memory by the number of sessions](scale.svg)
END
}


# the row of a store at each size
sub sizes { return map { $_->{n} } @{ $F->{cookie} } }


sub cpu {
    my $text = <<'END';
### Sessions in turn: CPU of a request

Beside a server without a gate that is loaded together with it, on the same cpu, and is sent the same: the ratio is what
counts. The first line is one session, whose cookie stays opened in the memo; its copy from Redis is kept for a second.
From there on each request brings another session, which is opened anew.

| sessions | cookie, us | ratio | zone, us | ratio | Redis, us | ratio |
| --- | --- | --- | --- | --- | --- | --- |
END

    for my $i (0 .. $#{ $F->{cookie} }) {
        $text .= join(' | ', "| $F->{cookie}[$i]{n}",
                      map { cells($F->{$_}[$i]) } @STORES) . " |\n";
    }

    return $text;
}


sub cells {
    my ($found) = @_;
    my $spread = spread(@{ $found->{ratio} });

    return sprintf('%.1f', median(@{ $found->{cpu} })),
        sprintf '%.2f%s', median(@{ $found->{ratio} }),
            defined $spread && $spread > 0.02 ? ' *noisy*' : '';
}


sub memory {
    my $text = <<'END';
### Sessions: memory, and CPU of a write

| sessions | worker, cookie: MiB | zone: MiB | bytes a session | us a write | Redis: MiB | bytes a session |
| --- | --- | --- | --- | --- | --- | --- |
END

    for my $i (0 .. $#{ $F->{cookie} }) {
        my ($n, $zone, $redis) = ($F->{cookie}[$i]{n}, $F->{zone}[$i], $F->{redis}[$i]);

        $text .= sprintf "| %d | %.1f | %.1f | %s | %s | %.1f | %s |\n", $n,
            $F->{cookie}[$i]{worker}, $zone->{store}, each_of('zone', $i),
            $n >= 1000 ? sprintf('%.1f', $zone->{write}) : '',
            $redis->{store}, each_of('redis', $i);
    }

    return $text;
}


# bytes of each session more than there were at first
sub each_of {
    my ($store, $i) = @_;
    my ($first, $now) = map { $F->{$store}[$_] } 0, $i;

    return $now->{n} < 1000 ? '' : sprintf '%d',
        ($now->{store} - $first->{store}) * 1048576 / ($now->{n} - $first->{n});
}


sub full {
    my $e = $F->{eviction};
    my @sizes = sort { $a <=> $b } keys %{ $e->{write} };

    return sprintf <<'END', $e->{size}, $sizes[-1], $e->{sessions}, $e->{evicted_total}, $e->{write}{ $sizes[-1] }, $F->{zone}[-1]{write}, map { $_ / 1000 } @{$e}{qw( login_empty login_full )};
### A full zone

Into a zone of %s, %d sessions and some logins were written: %d are left, the least recently used %d ended early. A write
of the last step, nearly all of which push another session out, takes %.1f us of CPU; into the zone that has room for
all, %.1f us. A login takes %.2f ms into the empty zone, %.2f ms into the full one.
END
}


sub starts {
    my $text = <<'END';
### Start and reload

Seconds from the start to the open port, and from the signal to a new worker in the place of the old one, with all the
sessions; those of before are sessions afterwards.

| | start | reload |
| --- | --- | --- |
END

    for (qw( plain cookie zone redis )) {
        my $reload = $F->{$_} ? $F->{$_}[-1]{reload} : undef;

        $text .= sprintf "| %s | %.2f | %s |\n", $NAME{$_}, $F->{starts}{$_},
            $reload ? sprintf('%.2f', $reload) : '';
    }

    return $text;
}


sub idle {
    my $i = $F->{idle};

    return sprintf <<'END', $i->{n}, $i->{plain}, $i->{cookie};
### Idle connections

%d keep-alive connections after a request each, with a session each: %d bytes of the worker a connection without a gate,
%d with it.
END
}


sub logins {
    my $l = $F->{logins};

    return sprintf <<'END', $l->{rate}, $l->{cpu} / 1000, map({ $l->{$_} } qw( worker driver stub )), limit($l);
### Logins

As many as one driver (wrk, 64 connections) and the stand-in for vcita make on one cpu, with the worker on the other:
**%d a second**, %.2f ms of CPU of the worker each. Busy were: worker %d %% of its cpu; driver %d %% and stand-in %d %% of
theirs. %s
END
}


sub limit {
    my ($l) = @_;
    my $others = $l->{driver} + $l->{stub};

    return 'The worker was the limit.' if $l->{worker} >= 85 && $l->{worker} > $others;
    return 'Driver and stand-in were the limit, not the worker.' if $others >= 85;
    return 'Neither cpu was theirs alone: other processes of the machine were the limit.';
}


# --- the curves ---------------------------------------------------------------

sub chart {
    my ($file) = @_;
    my $data = '';

    for my $i (0 .. $#{ $F->{cookie} }) {
        $data .= join(' ', $F->{cookie}[$i]{n},
                      map({ median(@{ $F->{$_}[$i]{ratio} }) } @STORES),
                      map { $F->{$_}[$i]{store} } qw( zone redis )) . "\n";
    }

    spew("$DIR/scale.dat", $data);
    gnuplot("$DIR/scale.gp", $file, <<END);
set terminal svg size 900,420 background "white" font "sans-serif,13"
set output "$file"
set multiplot layout 1,2
set logscale x
set format x "10^{%L}"
set xlabel "sessions"
set grid
set key bottom right
set style data linespoints
set title "CPU of a request, relative to no gate"
set yrange [0:*]
plot for [i=2:4] "$DIR/scale.dat" using 1:i lw 2 title word("cookie zone Redis", i - 1)
set title "Memory of all sessions, MiB"
set logscale y
set yrange [0.5:*]
set key top left
plot "$DIR/scale.dat" using 1:5 lw 2 title "zone", "" using 1:6 lw 2 title "Redis"
END
}


1;
