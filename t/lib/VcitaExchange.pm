# VcitaExchange - one HTTP(S) request and its answer on a fresh connection, non-blocking, driven by a
# VcitaLoop; it always ends: with an answer, a named error, or its time limit.
#
#   VcitaExchange->start($loop, host => '127.0.0.1', port => 80, bytes => "GET / ...", tls => {...} or undef,
#       method => 'GET', timeout => 15, raw => 0, done => sub { my ($response) = @_ });
# tls: { name => SNI and host to check, ca => file, verify => 1 }.  raw => 1: the body is every byte
# that came until the peer closed.  from: the address to send from.  ->sent: the request has been written;
# ->abort(reset => 1).
package VcitaExchange;

use strict;
use warnings;

use Errno qw( EINPROGRESS EAGAIN EWOULDBLOCK EINTR );
use IO::Socket::INET ();
use IO::Socket::SSL ();
use Socket qw( SOL_SOCKET SO_ERROR SO_LINGER IPPROTO_TCP TCP_NODELAY pack_sockaddr_in inet_aton );
use VcitaHttp ();
use VcitaLoop qw( now scale );

sub start {
    my ($class, $loop, %arg) = @_;
    my $self = bless { loop => $loop, out => $arg{bytes}, in => '', began => now(),
                       stage => 'connecting', method => 'GET', timeout => 15, %arg }, $class;

    $self->{timer} = $loop->after($self->{timeout} * scale(),
        sub { $self->_fail("timeout while $self->{stage}") });

    $self->{sock} = IO::Socket::INET->new(Proto => 'tcp', Type => Socket::SOCK_STREAM(),
            defined $arg{from} ? (LocalAddr => $arg{from}) : ())
        or return $self->_later("socket: $!");
    $self->{sock}->blocking(0);
    setsockopt $self->{sock}, IPPROTO_TCP, TCP_NODELAY, 1;

    # names other than localhost are the caller's business (resolve): no DNS in tests
    my $ip = $self->{host} eq 'localhost' ? '127.0.0.1' : $self->{host};
    return $self->_later("host $ip is not an address (see resolve)") if $ip !~ /^\d+(?:\.\d+){3}$/;

    if (connect $self->{sock}, pack_sockaddr_in($self->{port}, inet_aton($ip))) {
        $self->_watch('w');
    } elsif ($!{EINPROGRESS}) {
        $self->_watch('w');
    } else {
        return $self->_later("connect: $!");
    }
    return $self;
}


sub done   { $_[0]{ended} }
sub sent   { $_[0]{ended} || $_[0]{stage} eq 'waiting for the answer' }
sub socket { $_[0]{sock} }


# the client goes away: FIN, or RST with reset => 1; the done callback is told 'aborted'
sub abort {
    my ($self, %how) = @_;
    return if $self->{ended};
    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)
        if $how{reset} && $self->{sock};
    $self->_fail('aborted');
}


sub _watch {
    my ($self, $mode) = @_;
    $self->{loop}->watch($self->{sock}, $mode, sub { $self->_ready });
}


# an error found before start() has returned is told from the loop
sub _later {
    my ($self, $why) = @_;
    $self->{loop}->after(0, sub { $self->_fail($why) });
    return $self;
}


sub _ready {
    my ($self) = @_;

    if ($self->{stage} eq 'connecting') {
        my $err = unpack 'i', getsockopt $self->{sock}, SOL_SOCKET, SO_ERROR;
        if ($err) { local $! = $err; return $self->_fail("connect: $!") }
        if (my $tls = $self->{tls}) {
            $self->{stage} = 'shaking hands';
            IO::Socket::SSL->start_SSL($self->{sock}, SSL_startHandshake => 0,
                SSL_hostname => ($tls->{name} =~ /^[\d.]+$/ ? '' : $tls->{name}),
                SSL_verify_mode => ($tls->{verify} // 1 ? 1 : 0),
                ($tls->{verify} // 1 ? (SSL_verifycn_name => $tls->{name},
                                        SSL_verifycn_scheme => 'http') : ()),
                ($tls->{ca} ? (SSL_ca_file => $tls->{ca}) : ()))
                or return $self->_fail("TLS: $IO::Socket::SSL::SSL_ERROR");
        } else {
            $self->{stage} = 'sending';
        }
    }

    if ($self->{stage} eq 'shaking hands') {
        if (!$self->{sock}->connect_SSL) {
            return $self->_want // $self->_fail("TLS: $IO::Socket::SSL::SSL_ERROR");
        }
        $self->{stage} = 'sending';
    }

    if ($self->{stage} eq 'sending') {
        while (length $self->{out}) {
            my $n = syswrite $self->{sock}, $self->{out};
            if (!defined $n) {
                return if defined $self->_want;
                # the peer may have answered already: read what is there
                last;
            }
            substr($self->{out}, 0, $n) = '';
        }
        $self->{stage} = 'waiting for the answer';
        $self->_watch('r');
        $self->{on_sent}->($self) if $self->{on_sent};
        return if $self->{ended};
    }

    while (1) {
        my $n = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};
        if (!defined $n) {
            return if defined $self->_want;
            $self->{eof_error} = "$!";
            $n = 0;
        }
        if ($n == 0) { $self->{eof} = 1; last }
    }
    continue { return if $self->_parse }
    $self->_parse;
}


# waits on what a non-blocking call asked for; undef where the error is a real one
sub _want {
    my ($self) = @_;
    if ($self->{tls} && ref $self->{sock} eq 'IO::Socket::SSL') {
        my $e = $IO::Socket::SSL::SSL_ERROR;
        if ($!{EAGAIN} || $!{EWOULDBLOCK} || $self->{stage} eq 'shaking hands') {
            if ($e == IO::Socket::SSL::SSL_WANT_READ())  { $self->_watch('r'); return 1 }
            if ($e == IO::Socket::SSL::SSL_WANT_WRITE()) { $self->_watch('w'); return 1 }
        }
        return undef;
    }
    return undef unless $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
    $self->_watch($self->{stage} eq 'sending' ? 'w' : 'r');
    return 1;
}


# true when the exchange has ended
sub _parse {
    my ($self) = @_;

    if ($self->{raw}) {
        return 0 unless $self->{eof};
        $self->_end(bless { status => 0, headers => [], body => $self->{in} }, 'VcitaHttp::Response');
        return 1;
    }
    return 0 if !length $self->{in} && !$self->{eof};

    my $m = VcitaHttp::read_message(\$self->{in}, 'answer', eof => $self->{eof},
        head => $self->{method} eq 'HEAD');
    return 0 if !defined $m;
    if (!ref $m) {
        $m .= " ($self->{eof_error})" if $self->{eof_error};
        $self->_fail($m);
        return 1;
    }
    return $self->_parse if $m->{status} =~ /^1/ && $m->{status} != 101;
    $self->_end($m);
    return 1;
}


sub _fail {
    my ($self, $why) = @_;
    $self->_end(bless { status => 0, headers => [], body => $self->{in}, error => $why },
        'VcitaHttp::Response');
}


sub _end {
    my ($self, $response) = @_;
    return if $self->{ended};
    $self->{ended} = 1;
    $self->{loop}->cancel($self->{timer});
    if (my $s = delete $self->{sock}) {
        $self->{loop}->forget($s);
        ref $s eq 'IO::Socket::SSL' ? $s->close(SSL_no_shutdown => 1, SSL_fast_shutdown => 1) : close $s;
    }
    $response->{seconds} = now() - $self->{began};
    $response->{method}  = $self->{method};
    my $done = delete $self->{done};
    $done->($response) if $done;
}


1;
