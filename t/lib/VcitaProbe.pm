# VcitaProbe - is a worker alive all the time?  A child process fetches one location every millisecond
# over one keep-alive connection and notes the time between two consecutive answers.
#
#   my $probe = VcitaProbe->start('http://127.0.0.1:1984/ping');   # returns when the first answer is in
#   ...
#   my $p = $probe->stop;   # { n, max_gap_ms, max_own_ms, p99_ms, reconnects, error, seconds }
# With start($url, $pid), max_own_ms is the longest gap less the time for which the worker $pid, or the probe,
# was ready to run and had no CPU: what is left is the worker's doing, not that of a busy machine.
# The location wants a high keepalive_requests (the automatic /ping of VcitaTest has it).
package VcitaProbe;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX ();
use Socket qw( IPPROTO_TCP TCP_NODELAY );
use Time::HiRes ();
use VcitaHttp ();
use VcitaLoop qw( now scale come_first );

my $LIFE = 3600;


sub start {
    my ($class, $url, $worker) = @_;
    pipe my $from, my $to or die "pipe: $!";

    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $from;
        $SIG{$_} = 'DEFAULT' for qw( __DIE__ __WARN__ ALRM INT );
        POSIX::setsid();
        come_first($$);               # its own waits for a CPU are not nginx's gaps
        my $r = eval { _child($url, $to, $parent, $worker) } || { error => "$@" };
        syswrite $to, JSON::PP->new->encode($r) . "\n";
        POSIX::_exit(0);
    }
    close $to;

    my $self = bless { pid => $pid, from => $from, owner => $$ }, $class;
    my $first = $self->_line(15);
    die "probe of $url did not start: $first\n" if $first !~ /^ready/;
    return $self;
}


sub stop {
    my ($self) = @_;
    kill TERM => $self->{pid} or return { error => 'gone' };
    my $line = eval { local $SIG{__DIE__}; $self->_line(15) };
    my $err = $@;
    kill KILL => $self->{pid};
    waitpid delete $self->{pid}, 0;
    return { error => $err } if !defined $line;
    return JSON::PP->new->decode($line);
}


sub DESTROY {
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    local $?;
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
}


sub _line {
    my ($self, $seconds) = @_;
    my $end = now() + $seconds * scale();
    $self->{got} //= '';
    while ($self->{got} !~ /\n/) {
        my $left = $end - now();
        die "probe: no answer of the child within $seconds s\n" if $left <= 0;
        IO::Select->new($self->{from})->can_read($left) or next;
        my $n = sysread $self->{from}, $self->{got}, 65536, length $self->{got};
        die "probe: the child has gone\n" unless $n;
    }
    (my $line, $self->{got}) = split /\n/, $self->{got}, 2;
    return $line;
}


sub _child {
    my ($url, $to, $parent, $worker) = @_;

    my $u = VcitaHttp::url_split($url);
    my $request = "GET $u->{target} HTTP/1.1\r\nHost: $u->{authority}\r\n\r\n";
    my $stop;
    local $SIG{TERM} = sub { $stop = 1 };

    my ($sock, $reconnects, $buf, @gaps, $last) = (undef, -1, '');
    my ($own, $waited) = (0, _waited($worker));
    my $begin = now();
    until ($stop) {
        if (!$sock) {
            $sock = IO::Socket::INET->new(PeerAddr => $u->{host}, PeerPort => $u->{port},
                Timeout => 15) or die "connect: $!";
            setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
            $reconnects++;
            $buf = '';
        }
        my $sent = syswrite $sock, $request;
        my $answer;
        my $end = now() + 15 * scale();
        while (defined $sent && !$answer) {
            last if $stop;
            die "no answer within 15 s\n" if now() > $end;
            IO::Select->new($sock)->can_read(1) or next;
            my $n = sysread $sock, $buf, 65536, length $buf;
            last if !$n;
            $answer = VcitaHttp::read_message(\$buf, 'answer');
        }
        if (!$answer) { close $sock; undef $sock; next }
        die "bad answer: $answer\n" if !ref $answer;
        die "status $answer->{status}\n" if $answer->{status} !~ /^2/;

        my $t = now();
        my $w = _waited($worker);
        if (defined $last) {
            push @gaps, ($t - $last) * 1000;
            my $left = $gaps[-1] - ($w - $waited);
            $own = $left if $left > $own;
        } else {
            syswrite $to, "ready\n";
        }
        ($last, $waited) = ($t, $w);
        if (lc($answer->header('Connection') // '') eq 'close') { close $sock; undef $sock }
        last if $t - $begin > $LIFE || getppid != $parent;
        Time::HiRes::sleep(0.001);
    }
    # an answer that never came before the end is a gap, too
    push @gaps, (now() - $last) * 1000 if defined $last;

    my @s = sort { $a <=> $b } @gaps;
    my $round = sub { sprintf('%.2f', $_[0]) + 0 };
    return { n => scalar @s, max_gap_ms => $round->($s[-1] // 0), reconnects => $reconnects,
             max_own_ms => $round->($own),
             p99_ms => $round->($s[ int(0.99 * $#s) ] // 0), seconds => $round->(now() - $begin) };
}


# milliseconds for which the worker and this process have waited for a CPU so far
sub _waited {
    my ($worker) = @_;
    return 0 if !$worker;
    my $ns = 0;
    for ($worker, $$) {
        open my $fh, '<', "/proc/$_/schedstat" or next;
        $ns += (split ' ', scalar <$fh>)[1];
    }
    return $ns / 1e6;
}


1;
