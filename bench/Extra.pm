# Extra - what is not a request of a signed-in person: whole logins, other requests
# while logins hang, memory, system calls.

package Extra;

use strict;
use warnings;

use Bearer;
use Bench;
use Load;
use Site;

use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw( time );

my $HANGING = 200;


sub all {
    my ($front, $cookie, $quick) = @_;

    say_step('logins');
    my $logins = logins($front, $quick ? 1 : 8);

    say_step("$HANGING logins that hang");
    my $hanging = hanging($quick ? 1 : 5);

    say_step('memory');
    my $memory = memory($cookie);

    say_step('system calls');
    my $calls = system_calls($cookie);

    say_step('signed tokens');
    my $bearer = bearer($front, $cookie, $quick);

    return { logins => $logins, hanging => $hanging, memory => $memory,
             calls => $calls, bearer => $bearer };
}


# Whole logins, each a redirect, a callback and the page: by four clients at once
sub logins {
    my ($front, $seconds) = @_;
    my $before = cpu_ns($front);
    my $end = time + $seconds;

    my @done = four_clients(sub {
        my $n = 0;

        $n++, whole_login() while time < $end;
        return $n;
    });
    my $n = 0;

    $n += $_ for @done;

    return { cpu => (cpu_ns($front) - $before) / 1000 / $n,
             rate => $n / $seconds };
}


# four processes on the other cpu; what each returned
sub four_clients {
    my ($work) = @_;
    my @clients;

    for (1 .. 4) {
        pipe my $read, my $write or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";

        if (!$pid) {
            system "taskset -cp $BACK_CPU $$ > /dev/null";
            my $value = eval { $work->() };
            print STDERR $@ if $@;
            syswrite $write, $value if defined $value;
            POSIX::_exit(0);
        }

        close $write;
        push @clients, [ $pid, $read ];
    }

    return map {
        my ($pid, $read) = @$_;
        my $value = readline $read;

        waitpid $pid, 0;
        $value // die "a client could not log in\n";
    } @clients;
}


sub whole_login {
    my $cookie = login($PORT{gate}, '/gif0');
    my ($status) = ask(connection($PORT{gate}), "GET /gif0 HTTP/1.1\r\n"
                       . browser_headers('127.0.0.1', $cookie));

    die "not logged in\n" if $status != 200;
}


# a location without a gate, while exchanges hang, and without them
sub hanging {
    my ($seconds) = @_;
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 4096,
        LocalPort => $PORT{silent}) // die "port $PORT{silent}: $!\n";

    conf('hanging', gate_server(
        redirect_uri => "http://127.0.0.1:$PORT{hanging}/oauth/callback",
        token_endpoint => "http://127.0.0.1:$PORT{silent}/",
        timeout => '60s', connect_timeout => '60s')
        =~ s/listen 127.0.0.1:$PORT{gate}/listen 127.0.0.1:$PORT{hanging}/r
        =~ s/^.*location = \/proxy.*\n.*\n//mgr);

    my $pid = nginx('hanging', $PORT{hanging}, 'taskset', '-c', $FRONT_CPU);
    my $worker = worker_of($pid);
    my $url = "http://127.0.0.1:$PORT{hanging}/free";

    my $alone = load([$worker], $url, $seconds, '-c1');
    my @waiting = map { begin_login($PORT{hanging}) } 1 .. $HANGING;

    sleep 1;
    my $beside = load([$worker], $url, $seconds, '-c1');
    end_of($pid);

    return { n => scalar @waiting, alone => $alone, beside => $beside };
}


# a callback that waits for the token; the connection it waits on
sub begin_login {
    my ($port) = @_;
    my $c = connection($port);
    my $host = "127.0.0.1:$port";
    my (undef, $head) = ask($c, "GET /gif0 HTTP/1.1\r\n" . browser_headers($host));
    my ($state) = $head =~ /[?&]state=([\w-]+)/ or die "no state: $head";
    my ($cookie) = $head =~ /^Set-Cookie: (\w+=[\w-]+)/mi;

    syswrite $c, "GET /oauth/callback?code=c&state=$state HTTP/1.1\r\n"
        . browser_headers($host, $cookie);
    return $c;
}


# a worker of its own for each, after a second of load: MiB
sub memory {
    my ($cookie) = @_;
    my %of = (plain => [ plain_server('/x'), 'gif0' ],
              gate  => [ gate_server() . "upstream app { server 127.0.0.1:1; }",
                         'gif0' ]);
    my %found;

    for my $kind (keys %of) {
        my ($text, $path) = @{ $of{$kind} };

        conf("memory-$kind", $text =~ s/listen 127.0.0.1:\d+/listen 127.0.0.1:$PORT{memory}/gr);

        my $pid = nginx("memory-$kind", $PORT{memory});
        my $worker = worker_of($pid);

        load([$worker], "http://127.0.0.1:$PORT{memory}/$path", 1, '-H',
             "Cookie: $cookie");
        $found{$kind} = memory_of($worker, 'VmRSS');
        end_of($pid);
    }

    return \%found;
}


# system calls of a thousand requests, with and without the gate, by strace
sub system_calls {
    my ($cookie) = @_;
    my %found;

    conf('calls', plain_server('/x') . gate_server()
         =~ s/listen 127.0.0.1:$PORT{gate}/listen 127.0.0.1:$PORT{hanging}/r);
    spew("$DIR/calls.conf", "master_process off;\n"
         . slurp("$DIR/calls.conf") =~ s/:$PORT{plain};/:$PORT{memory};/r);

    my $pid = nginx('calls', $PORT{memory});

    for ([ plain => $PORT{memory} ], [ gate => $PORT{hanging} ]) {
        my ($kind, $port) = @$_;
        my $c = connection($port);
        my $bytes = "GET /gif0 HTTP/1.1\r\n" . browser_headers('127.0.0.1', $cookie);

        ask($c, $bytes) for 1 .. 10;

        my $strace = spawn("strace-$kind", 'strace', '-c', '-o',
                           "$DIR/strace-$kind.txt", '-p', $pid);
        wait_for('strace', sub { slurp("/proc/$pid/status") =~ /^TracerPid:\s+[1-9]/m });

        ask($c, $bytes) for 1 .. 1000;
        kill INT => $strace;
        wait_for('strace', sub { -s "$DIR/strace-$kind.txt" });
        $found{$kind} = counted(slurp("$DIR/strace-$kind.txt"));
    }

    end_of($pid);
    return \%found;
}


# name => calls, from strace's table: % time, seconds, usecs/call, calls, errors
sub counted {
    my ($text) = @_;
    my %calls;

    for my $line (split /\n/, $text) {
        $calls{$2} = $1
            if $line =~ /^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +([a-z]\w*)$/
               && $2 ne 'total';
    }

    return \%calls;
}


# What the gate adds to a file of 1 KiB, in microseconds: with a cookie that was
# opened before, with a token that was verified before, and with one that was not.
# On one connection, so that each request takes the same way.
sub bearer {
    my ($front, $cookie, $quick) = @_;
    my ($rounds, $n) = $quick ? (3, 300) : (15, 1500);
    my @tokens = map { bearer_headers($_) } signed_tokens(300);

    my %of = (cookie   => [ gate => browser_headers('127.0.0.1', $cookie) ],
              repeated => [ bearer => $tokens[0] ],
              fresh    => [ bearer => @tokens ]);
    my %found;

    for (1 .. $rounds) {
        for my $kind (sort keys %of) {
            my ($server, @headers) = @{ $of{$kind} };
            my ($without, $with) = map { cpu_of_asking($front, $_, $n, @headers) }
                'plain', $server;

            push @{ $found{$kind} }, $with - $without;
        }
    }

    return { map { $_ => median(@{ $found{$_} }) } keys %found };
}


# microseconds a request, the headers in turn
sub cpu_of_asking {
    my ($front, $server, $n, @headers) = @_;
    my $c = connection($PORT{$server});
    my $before;

    for my $i (-300 .. $n - 1) {
        $before = cpu_ns($front) if $i == 0;

        my ($status) = ask($c, "GET /1k0 HTTP/1.1\r\n" . $headers[$i % @headers]);
        die "$server: status $status\n" if $status != 200;
    }

    return (cpu_ns($front) - $before) / 1000 / $n;
}


1;
