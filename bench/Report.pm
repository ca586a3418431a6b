# Report - what bench.pl found: its part of bench/results.md, bench/results.svg, and
# the table of ratios in README.md.

package Report;

use strict;
use warnings;

use Bench;

use Exporter 'import';
use POSIX ();

our @EXPORT = qw( report );

my $NOISY = 0.02;                                # a spread over this
my $R;                                           # everything that was found


sub report {
    my $dir;

    ($R, $dir) = @_;

    my $text = join "\n", head(), bars(), map({ table($_) } @{ $R->{tables} }),
        others(), logins(), hanging(), bearer($R->{extra}{bearer}), growth(),
        memory(), system_calls();

    write_between("$dir/results.md", 'make bench', $text);
    chart("$dir/results.svg");
    write_between("$ROOT/README.md", 'make bench', readme())
        if $dir eq "$ROOT/bench";
    print $text;
}


# --- figures ------------------------------------------------------------------

my @WAYS = qw( alone interleaved );


sub rounds {
    my ($way, $table, $id, $what) = @_;

    return grep { defined } map { $_->{$what} }
        @{ $R->{found}{"$way $table $id"} };
}


# the median over the rounds
sub figure { return median(rounds(@_)) }


# of a ratio: '1.8 %', and whether it is noisy
sub said_spread {
    my $spread = spread(rounds(@_, 'ratio'));

    return '' if !defined $spread;
    return sprintf '%.1f %%%s', 100 * $spread, $spread > $NOISY ? ' **noisy**' : '';
}


# the contestants of a table, each once
sub ids_of {
    my ($table) = @_;
    my %in = map { $_ => 1 } map { @$_ } @{ $table->{groups} };

    return grep { $in{$_} } @{ $R->{order} };
}


# --- text ---------------------------------------------------------------------

sub head {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my ($os) = slurp('/etc/os-release') =~ /^PRETTY_NAME="?([^"\n]*)/m;
    my @versions = versions(qw( nginx apache2 libapache2-mod-auth-openidc
                                libssl3 libcurl4 wrk nghttp2-client ));
    my $n = `nproc` + 0;
    my ($load) = slurp('/proc/loadavg') =~ /^(\S+ \S+ \S+)/;

    return <<END;
# What the gate costs

Written by `make bench` on ${\ POSIX::strftime('%Y-%m-%d', gmtime) }: $cpu, $n cpus, $os, Linux ${\ (POSIX::uname())[2] };
@{[ join ', ', @versions ]}. Load of the machine at the end: $load.

CPU is the time that the kernel counted for the worker, for each request, the median of all rounds. **Ratios are what
counts**: to the same server without auth (nginx also without the module), in the same round. Each contestant is a
server of its own with one worker; all of a family are sent the same bytes, cookies included, and nginx without auth
passes on no header that the gate would add.

- *Alone*: one after another, with the cpu to itself; $R->{alone} rounds of $R->{seconds} s.
- *Interleaved*: three workers loaded together on that cpu; $R->{rounds} rounds of $R->{seconds} s.
- *Spread*: how wide the middle half of the rounds' ratios is; over 2 % the run itself calls the ratio **noisy**.

wrk or h2load (16 connections to each), daemons, upstreams and the stand-in for vcita had the other cpu. Cookies:
@{[ join ', ', map { "$_ $R->{cookies}{$_} bytes" } sort keys %{ $R->{cookies} } ]}.
END
}


sub table {
    my ($table) = @_;
    my $text = <<END;
## $table->{title}

| | alone, us | added | ratio | spread | requests/s | interleaved, us | added | ratio | spread |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
END

    for my $id (ids_of($table)) {
        my $beside = grep { defined } rounds('interleaved', $table->{id}, $id, 'ratio');
        my @cells = map {
            my @what = ($_, $table->{id}, $id);

            (sprintf('%.1f', figure(@what, 'cpu')),
             $beside ? (sprintf('%.2f', figure(@what, 'added')),
                        sprintf('**%.2f**', figure(@what, 'ratio')),
                        said_spread(@what)) : ('', '', ''),
             $_ eq 'alone' ? sprintf('%d', figure(@what, 'rate')) : ());
        } @WAYS;

        $text .= '| ' . join(' | ', $R->{contestants}{$id}{title}, @cells) . " |\n";
    }

    return $text;
}


# what is to hold, and what was found
sub bars {
    my $text = <<'END';
## What is to hold

| | bar | alone | | interleaved | |
| --- | --- | --- | --- | --- | --- |
END

    for ([ gif => 'gate0', 1.08 ], [ '1k' => 'gate0', 1.06 ],
         [ proxy => 'gate2', 1.06 ], [ 302 => 'gate0', 3.0 ]) {
        my ($id, $contestant, $bar) = @$_;
        my ($table) = grep { $_->{id} eq $id } @{ $R->{tables} };

        $text .= sprintf "| %s, %s: CPU to that without auth | <= %.2f |%s\n",
            $table->{title}, $R->{contestants}{$contestant}{title}, $bar,
            join '', map { found($_, $id, $contestant, $bar) } @WAYS;
    }

    my $login = $R->{extra}{logins}{cpu} / 1000;

    $text .= sprintf "| a login: ms of CPU | <= 0.50 | %.2f | %s | | |\n", $login,
        held($login <= 0.5);

    for ([ fresh => 20 ], [ openidc => 20 ], [ 'openidc-s' => 20 ], [ alive => 5 ]) {
        my ($id, $bar) = @$_;

        $text .= sprintf "| %s: what it adds, to what this module adds | >= %d |%s\n",
            $R->{contestants}{$id}{title}, $bar, join '', map {
                my $way = $_;
                my $times = median(map {
                    figure($way, $_, $id, 'added') / figure($way, $_, 'gate0', 'added')
                } qw( gif 1k proxy ));

                sprintf ' %.1f | %s |', $times, held($times >= $bar);
            } @WAYS;
    }

    return $text;
}


sub found {
    my ($way, $table, $id, $bar) = @_;
    my $ratio = figure($way, $table, $id, 'ratio');
    my $noisy = (spread(rounds($way, $table, $id, 'ratio')) // 1) > $NOISY;

    return sprintf ' %.3f | %s%s |', $ratio, held($ratio <= $bar),
        $noisy ? ', noisy' : '';
}


sub held { return $_[0] ? 'held' : '**not held**' }


# --- what is measured once ----------------------------------------------------

# measured by hand, on another day, so that they are only cited
sub others {
    return <<'END';
## Other peers

Measured on 2026-11-23, alone, on a machine of this kind with other work on it (within 10 to 15 %): CPU to the same
server without auth, of a 1 KiB file, and of a proxied request.

| | 1 KiB file | proxy | a login, ms |
| --- | --- | --- | --- |
| kjdev/nginx-oidc, memory store, one session in it | 1.09-1.11 | 1.05 | 1.0 |
| the same, 4,000 newer logins in the store (`empty_gif`) | 10.8 | | 2.6 |
| kjdev/nginx-oidc, Redis store | 8.05 | 5.6 | 4.6 |
| lua-resty-openidc, cookie session | 7.96 | 5.0 | 2.1 |
| njs, HMAC by `js_set` and `if` (no login) | 2.3 | | |
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

sub readme {
    my $text = <<'END';
| alone / interleaved | empty_gif | 1 KiB file | proxy |
| --- | --- | --- | --- |
END

    for my $id (grep { $R->{contestants}{$_}{beside} }
                ids_of($R->{tables}[0])) {
        $text .= row($R->{contestants}{$id}{title},
                     map { both($_, $id) } qw( gif 1k proxy ));
    }

    for ([ tls => 'TLS' ], [ h2 => 'HTTP/2' ]) {
        my ($how, $name) = @$_;

        $text .= row("this module over $name, the two headers where proxied",
                     both("$how gif", 'gate0'), '', both("$how proxy", 'gate2'));
    }

    return $text . sprintf <<'END', figure('interleaved', '302', 'gate0', 'ratio'), $R->{extra}{logins}{cpu} / 1000;

Alone: with the cpu to itself; interleaved: three workers loaded together on it. "~": noisy, the rounds' spread is over
2 %. A redirect to vcita takes %.1f times the CPU of a `return 302` of the same length; a whole login, %.2f ms.
END
}


sub row { return '| ' . join(' | ', @_) . " |\n" }


sub both {
    my ($table, $id) = @_;

    return join ' / ', map {
        my $spread = spread(rounds($_, $table, $id, 'ratio'));

        sprintf '%s%.2f', (defined $spread && $spread <= $NOISY ? '' : '~'),
            figure($_, $table, $id, 'ratio');
    } @WAYS;
}


# --- the chart ----------------------------------------------------------------

sub chart {
    my ($file) = @_;
    my @tables = @{ $R->{tables} }[0 .. 2];
    my $data = '';

    for my $id (grep { $R->{contestants}{$_}{beside} } ids_of($tables[0])) {
        my $title = $R->{contestants}{$id}{title} =~ tr/`//dr;

        $data .= join ' ', qq("$title"),
            map({ sprintf '%.3f', figure('interleaved', $_->{id}, $id, 'ratio') }
                @tables), "\n";
    }

    spew("$DIR/chart.dat", $data);

    my $n = 1;
    my $plots = join ', ', map { $n++; qq("$DIR/chart.dat" using $n:xtic(1) )
                                 . qq(title "$_->{title}") } @tables;

    gnuplot("$DIR/chart.gp", $file, <<END);
set terminal svg size 900,520 background "white" font "sans-serif,13"
set output "$file"
set title "CPU of the worker per signed-in request, relative to the same server without auth, interleaved"
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
}


1;
