# VcitaStubServer - the process behind VcitaStub: a stand-in for vcita that does as the code tells it,
# and the "legacy application" that echoes what it received.  One process, one thread, one loop.
# Started by VcitaStub as `perl -MVcitaStubServer -e VcitaStubServer::main ...`; prints one line of
# JSON with its ports, ends by a signal, with its parent, or after its lifetime.
#
# What the instructions mean is in t/lib/README.md.
package VcitaStubServer;

use strict;
use warnings;

use Digest::SHA qw( sha256 sha256_hex );
use Errno qw( EAGAIN EWOULDBLOCK EINTR );
use IO::Socket::INET ();
use IO::Socket::IP ();
use IO::Socket::SSL ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64url decode_base64url );
use POSIX ();
use Socket qw( SOL_SOCKET SO_LINGER SO_SNDBUF IPPROTO_TCP TCP_NODELAY SOMAXCONN );
use VcitaHttp ();
use VcitaLoop qw( now );

our $SECRET = 's3cret-0123456789abcdef-0123456789';

my $JSON = JSON::PP->new->latin1->canonical->allow_nonref;     # bodies are bytes, kept as latin1
my $UTF8 = JSON::PP->new->utf8->canonical->allow_nonref;

my ($Loop, %Conn, $Ssl, %Port);
my ($Conns, $Tokens, $Codes) = (0, 0, 0);                      # counters, never reset

# all that a reset forgets
my (%Code, %Token, %Spent, %Tries, @Next, @Requests, @AppRequests, %Always);

sub forget {
    (%Code, %Token, %Spent, %Tries, %Always) = ();
    (@Next, @Requests, @AppRequests) = ();
}


sub main {
    my %arg = @ARGV;
    my $parent = $arg{parent};

    $SIG{PIPE} = 'IGNORE';
    $SIG{$_} = sub { POSIX::_exit(0) } for qw( TERM INT HUP );
    $0 = "vcita-stub for $parent";
    POSIX::nice(5);                        # nginx comes first

    $Loop = VcitaLoop->new;
    $Ssl = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert_file => $arg{cert},
        SSL_key_file => $arg{key}) or die "TLS: $IO::Socket::SSL::SSL_ERROR";

    listen_on($_) for qw( http https app );
    $| = 1;
    print $JSON->encode(\%Port), "\n";
    close STDOUT;

    my $end = now() + $arg{life};
    $Loop->turn(0.5) while getppid == $parent && now() < $end;
    POSIX::_exit(0);
}


# -- connections -----------------------------------------------------------------------------------

sub listen_on {
    my ($kind) = @_;

    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => SOMAXCONN,
        Proto => 'tcp') or die "listen: $!";
    $Port{$kind} = $s->sockport;
    accept_from($s, $kind);

    # "localhost" may mean ::1 first
    my $s6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => $Port{$kind}, Listen => SOMAXCONN,
        V6Only => 1);
    accept_from($s6, $kind) if $s6;
}


sub accept_from {
    my ($listener, $kind) = @_;
    $listener->blocking(0);
    $Loop->watch($listener, 'r', sub {
        while (my $sock = $listener->accept) {
            $sock->blocking(0);
            setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;
            my $c = { sock => $sock, kind => $kind, in => '', out => '', n => ++$Conns,
                      shaking => $kind eq 'https' };
            if ($c->{shaking}) {
                IO::Socket::SSL->start_SSL($sock, SSL_server => 1, SSL_startHandshake => 0,
                    SSL_reuse_ctx => $Ssl) or do { close $sock; next };
            }
            $Conn{ $c->{n} } = $c;
            want($c, 'r');
        }
    });
}


sub want {
    my ($c, $mode) = @_;
    $Loop->watch($c->{sock}, $mode, sub { ready($c) });
}


sub drop {
    my ($c, $reset) = @_;
    my $s = delete $c->{sock} or return;
    $c->{closed} = 1;
    $Loop->cancel(delete $c->{timer});
    $Loop->forget($s);
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
    delete $Conn{ $c->{n} };
    if (ref $s eq 'IO::Socket::SSL') {
        $s->close(SSL_no_shutdown => $reset || $c->{dirty} || $c->{shaking} ? 1 : 0, SSL_fast_shutdown => 1);
    } else {
        close $s;
    }
}


# after a system call that failed: true where it only has to be tried again
sub again {
    my ($c) = @_;
    if ($c->{kind} eq 'https') {
        my $e = $IO::Socket::SSL::SSL_ERROR;
        if ($e == IO::Socket::SSL::SSL_WANT_READ())  { want($c, 'r'); return 1 }
        if ($e == IO::Socket::SSL::SSL_WANT_WRITE()) { want($c, 'rw'); return 1 }
        return 0;
    }
    return $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
}


sub ready {
    my ($c) = @_;
    return if $c->{closed};

    if ($c->{shaking}) {
        if (!$c->{sock}->accept_SSL) { again($c) or drop($c); return }
        $c->{shaking} = 0;
        want($c, 'r');
    }

    while (1) {
        my $n = sysread $c->{sock}, $c->{in}, 65536, length $c->{in};
        if (!defined $n) {
            if (!again($c)) { drop($c); return }
            last;
        }
        if ($n == 0) { drop($c); return }
    }
    flush($c) if length $c->{out};
    next_request($c);
}


sub next_request {
    my ($c) = @_;
    return if $c->{closed} || $c->{busy} || !length $c->{in};

    my $m = VcitaHttp::read_message(\$c->{in}, 'request');
    return if !defined $m;
    if (!ref $m) { drop($c); return }

    $c->{busy} = 1;
    delete @$c{qw( delayed released held )};
    $m->{conn} = $c->{n};
    $m->{time} = Time::HiRes::time();
    $m->{tls}  = $c->{kind} eq 'https' ? 1 : 0;
    if ($c->{kind} eq 'app') { app($c, $m) }
    else                     { vcita($c, $m) }
}


sub flush {
    my ($c) = @_;
    while (!$c->{closed} && length $c->{out}) {
        my $n = syswrite $c->{sock}, $c->{out};
        if (!defined $n) {
            if (!again($c)) { drop($c); return }
            want($c, 'rw');
            return;
        }
        substr($c->{out}, 0, $n) = '';
    }
    return if $c->{closed};
    want($c, 'r');
    if (my $then = delete $c->{then}) { $then->() }
}


# writes bytes, then closes or goes on with the connection's next request
sub put {
    my ($c, $bytes, $close) = @_;
    return if $c->{closed};
    $c->{out} .= $bytes;
    $c->{then} = $close ? sub { drop($c) } : sub { $c->{busy} = 0; next_request($c) };
    flush($c);
}


sub message {
    my ($status, $headers, $body, %opt) = @_;
    my %reason = (200 => 'OK', 201 => 'Created', 302 => 'Found', 400 => 'Bad Request', 401 => 'Unauthorized',
        404 => 'Not Found', 429 => 'Too Many Requests', 500 => 'Internal Server Error',
        503 => 'Service Unavailable');
    my $head = "HTTP/1.1 $status " . ($reason{$status} // 'Status') . "\r\n";
    $head .= "$_->[0]: $_->[1]\r\n" for @$headers;
    if ($opt{chunked}) {
        $head .= "Transfer-Encoding: chunked\r\n";
        $body = join('', map { sprintf "%x\r\n%s\r\n", length $_, $_ } $body =~ /(.{1,1000})/gs) . "0\r\n\r\n";
    } elsif ($status != 204) {
        $head .= 'Content-Length: ' . length($body) . "\r\n";
    }
    $head .= "Connection: close\r\n" if $opt{close};
    return ("$head\r\n", $opt{head} ? '' : $body);
}


# -- the legacy application ------------------------------------------------------------------------

sub app {
    my ($c, $m) = @_;
    push @AppRequests, $m;
    my $body = $JSON->encode({ method => $m->{method}, uri => $m->{target}, version => $m->{version},
                               headers => $m->{headers}, body => $m->{body}, conn => $m->{conn} });
    my $close = ($m->header('Connection') // '') =~ /close/i || $m->{version} eq '1.0'
        && ($m->header('Connection') // '') !~ /keep-alive/i;
    put($c, join('', message(200, [ [ 'Content-Type', 'application/json' ] ], $body . "\n",
        head => $m->{method} eq 'HEAD', close => $close)), $close);
}


# -- vcita -----------------------------------------------------------------------------------------

sub vcita {
    my ($c, $m) = @_;
    my $path = $m->{path};

    if ($path =~ m{^/_stub/(\w+)$}) {
        $c->{control} = 1;
        return control($c, $m, $1);
    }
    push @Requests, $m;

    return authorize($c, $m) if $path =~ m{^(?:/app)?/oauth/authorize$};
    return token($c, $m)     if $path eq '/oauth/token' && $m->{method} eq 'POST';
    return userinfo($c, $m)  if $path eq '/oauth/userinfo' && $m->{method} =~ /^(?:GET|POST)$/;
    return answer($c, $m, instruction({}, 'keys', ''), 200, { keys => [] }) if $path eq '/jwks.json';
    return revoke($c, $m)    if $path eq '/platform/v1/tokens/revoke' && $m->{method} eq 'POST';
    answer($c, $m, {}, 404, { status => 'Error', error => 'not found' });
}


# Answers as the instruction says, with the given status and JSON where it is silent.
sub answer {
    my ($c, $m, $do, $status, $json, @headers) = @_;

    # "delay" first, whatever comes then
    if ($do->{delay} && !$c->{delayed}) {
        $c->{timer} = $Loop->after($do->{delay}, sub {
            $c->{delayed} = 1;
            answer($c, $m, $do, $status, $json, @headers);
        });
        return;
    }
    if ($do->{hold} && !$c->{released}) {
        $c->{held} = sub { $c->{released} = 1; answer($c, $m, $do, $status, $json, @headers) };
        return;
    }
    return if $do->{hang};
    return drop($c, 1) if $do->{reset};
    return drop($c) if $do->{close};
    if (defined $do->{raw}) {
        $c->{dirty} = 1;
        return put($c, $do->{raw}, 1);
    }

    my $body = body_of($do, $json);
    if ($do->{headers}) {
        my @h = ref $do->{headers} eq 'HASH'
            ? map { [ $_, $do->{headers}{$_} ] } sort keys %{ $do->{headers} }
            : map { ref $_ ? $_ : () } @{ $do->{headers} };
        my %has = map { lc $_->[0] => 1 } @h;
        @headers = ((grep { !$has{ lc $_->[0] } } @headers), @h);
    }
    my $typed = grep { lc $_->[0] eq 'content-type' } @headers;
    unshift @headers, [ 'Content-Type', 'application/json; charset=utf-8' ] unless $typed;

    my $close = ($m->header('Connection') // '') =~ /close/i || $m->{version} eq '1.0';
    my ($head, $text) = message($do->{status} // $status, \@headers, $body, chunked => $do->{chunked},
        close => $close, head => $m->{method} eq 'HEAD');

    if (defined $do->{truncate}) {
        my $n = $do->{truncate};
        $n = int(length($text) / 2) if $n eq '1' || $n >= length $text;
        $c->{dirty} = 1;
        return put($c, $head . substr($text, 0, $n), 1);
    }
    return trickle($c, $head . $text, $do->{trickle}, $do->{trickle_bytes} || 1, $close) if $do->{trickle};
    put($c, $head . $text, $close);
}


# the body that an instruction asks for: its own, or the default with "set" and "omit"
sub body_of {
    my ($do, $json) = @_;
    return $do->{body} if defined $do->{body};
    return $UTF8->encode($do->{json}) if exists $do->{json};
    my %j = (%$json, %{ $do->{set} || {} });
    delete @j{ @{ $do->{omit} || [] } };
    return $UTF8->encode(\%j);
}


sub trickle {
    my ($c, $bytes, $pause, $size, $close) = @_;
    return if $c->{closed};
    $c->{out} .= substr $bytes, 0, $size, '';
    return put($c, '', $close) unless length $bytes;
    flush($c);
    $c->{timer} = $Loop->after($pause, sub { trickle($c, $bytes, $pause, $size, $close) });
}


# the instructions that a code carries, or that were registered for it; undef: an unknown code
sub code_instruction {
    my ($code) = @_;
    return $Code{$code} if $Code{$code};
    return undef if $code !~ /^[\w-]+$/;
    my $do = eval { $UTF8->decode(decode_base64url($code)) };
    return ref $do eq 'HASH' ? $do : undef;
}


# An instruction may be a list: the first for the first call, and so on, the last for all later ones.
# What `always` was told to do comes before everything else.
sub instruction {
    my ($do, $step, $key) = @_;
    return $Always{$step} if $Always{$step};
    my $i = $do->{$step} or return {};
    return $i if ref $i ne 'ARRAY';
    my $n = $Tries{"$step $key"}++;
    return $i->[ $n > $#$i ? $#$i : $n ] || {};
}


sub authorize {
    my ($c, $m) = @_;
    my %q = map { @$_ } VcitaHttp::query_pairs($m->{query});

    my $told = $q{stub} // $m->header('X-Stub');
    my $do = defined $told ? code_instruction($told) // {} : shift @Next // {};
    my $a = instruction($do, 'authorize', '');

    my $code = 'stub-' . ++$Codes . '-' . substr(sha256_hex("$$ $Codes " . now()), 0, 16);
    $Code{$code} = { %$do, _seen => { map { $_ => $q{$_} } qw( client_id redirect_uri scope nonce
        code_challenge code_challenge_method ) } };

    return answer($c, $m, $a, 400, { error => 'invalid_request' }) if !defined $q{redirect_uri};

    my @p = defined $a->{error}
        ? (error => $a->{error}, error_description => $a->{error_description}) : (code => $code);
    push @p, state => $q{state} unless $a->{omit_state};
    push @p, map { $_ => $a->{params}{$_} } sort keys %{ $a->{params} || {} };

    my $to = $q{redirect_uri} . ($q{redirect_uri} =~ /\?/ ? '&' : '?') . VcitaHttp::query_string(@p);
    answer($c, $m, { %$a, body => $a->{body} // '' }, 302, {}, [ 'Location', $to ],
        [ 'Content-Type', 'text/html' ]);
}


sub refuse {
    my ($c, $m, $status, $error, $why) = @_;
    answer($c, $m, {}, $status, { error => $error, error_description => $why });
}


sub token {
    my ($c, $m) = @_;
    my $f = eval { $m->fields };
    $f = {} unless ref $f eq 'HASH';
    my $code = $f->{code} // '';
    $code = '' if ref $code;
    my $do = code_instruction($code);
    my $i = instruction($do || {}, 'token', $code);

    # a refusal on purpose comes first, and does not spend the code
    my $ordered = defined $i->{status} && $i->{status} >= 400;

    unless ($ordered) {
        return refuse($c, $m, 400, 'invalid_request', 'no code') if !length $code;
        my $assertion = defined $f->{client_assertion}
            && ($f->{client_assertion_type} // '') eq 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
        return refuse($c, $m, 401, 'invalid_client', 'Client authentication failed')
            unless $assertion && ($f->{client_id} // 'app1') =~ /^app[1-9]$/
                || ($f->{client_id} // '') =~ /^app[1-9]$/ && ($f->{client_secret} // '') eq ($i->{secret} // $SECRET);
        return refuse($c, $m, 400, 'unsupported_grant_type', 'not authorization_code')
            if ($f->{grant_type} // '') ne 'authorization_code';
        return refuse($c, $m, 400, 'invalid_grant', 'unknown code') if !$do;
        return refuse($c, $m, 400, 'invalid_grant', 'code used twice') if $Spent{$code} && !$do->{reusable};

        my $seen = $do->{_seen} || {};
        return refuse($c, $m, 400, 'invalid_request', 'no redirect_uri') if !defined $f->{redirect_uri};
        return refuse($c, $m, 400, 'invalid_grant', 'other redirect_uri')
            if defined $seen->{redirect_uri} && $seen->{redirect_uri} ne $f->{redirect_uri};
        return refuse($c, $m, 400, 'invalid_grant', 'other client_id')
            if defined $seen->{client_id} && $seen->{client_id} ne ($f->{client_id} // '');
        if (defined(my $challenge = $seen->{code_challenge} // $do->{challenge})) {
            my $v = $f->{code_verifier} // '';
            return refuse($c, $m, 400, 'invalid_grant', 'code_verifier')
                if encode_base64url(sha256($v)) ne $challenge || $v !~ /^[A-Za-z0-9._~-]{43,128}$/;
        } elsif ($do->{_seen} && defined $f->{code_verifier}) {
            return refuse($c, $m, 400, 'invalid_grant', 'code_verifier without code_challenge');
        }
        $Spent{$code} = 1;
    }

    my $access = sha256_hex('token ' . ++$Tokens . " $$ " . now());
    my %json = $ordered ? (error => 'stub', error_description => 'as ordered')
        : (access_token => $access, created_at => time, expires_in => 631139040, token_type => 'Bearer');
    $json{id_token} = id_token($do, $f, $i->{id_token} || $do->{id_token}) if $i->{id_token} || $do && $do->{id_token};

    # what userinfo shall do is known by the token that really goes out
    my $sent = eval { $UTF8->decode(body_of($i, \%json)) };
    $access = $sent->{access_token} if ref $sent eq 'HASH' && defined $sent->{access_token}
        && !ref $sent->{access_token};
    $Token{$access} = { do => $do, key => $code } unless $ordered;

    answer($c, $m, $i, 200, \%json, [ 'Cache-Control', 'no-store' ]);
}


# header.payload.signature; the signature is noise
sub id_token {
    my ($do, $f, $spec) = @_;
    $spec = {} unless ref $spec eq 'HASH';
    my %claims = (iss => 'https://app.vcita.com', sub => 'a383717599bf1893', aud => $f->{client_id},
        iat => time, exp => time + 3600, business_id => 'ed469f8764326a66', %{ $spec->{set} || {} });
    my $nonce = ($do->{_seen} || {})->{nonce};
    $claims{nonce} //= $nonce if defined $nonce;
    delete @claims{ @{ $spec->{omit} || [] } };
    my $head = $spec->{header} || { alg => 'RS256', typ => 'JWT', kid => 'stub' };
    return join '.', map { encode_base64url($_) } $UTF8->encode($head), $UTF8->encode(\%claims),
        join '', map { chr int rand 256 } 1 .. 256;
}


sub userinfo {
    my ($c, $m) = @_;
    my ($bearer) = ($m->header('Authorization') // '') =~ /^Bearer (\S+)$/;
    my $t = defined $bearer ? $Token{$bearer} : undef;
    my $i = instruction($t ? $t->{do} : {}, 'userinfo', $bearer // '');

    if ((!$t || $t->{revoked}) && !%$i) {
        return answer($c, $m, {}, 401, { error => 'invalid_token', error_description => 'The access token is invalid' },
            [ 'WWW-Authenticate', 'Bearer realm="Doorkeeper", error="invalid_token"' ]);
    }
    answer($c, $m, $i, 200, {
        sub => 'a383717599bf1893', type => 'staff', role => 'owner', email => 'alice@example.biz',
        business_id => 'ed469f8764326a66', business_uid => 'ed469f8764326a66',
        business_name => "Alice's Bakery", directory_uid => 'u6g6s4q3386zs6j2',
        brand_host => 'www.example.biz',
        brand_theme => { colors => { primary => '#1a73e8' }, locale => 'en', logo => undef },
    });
}


# a token may revoke itself; it is revoked unless an instruction answers otherwise
sub revoke {
    my ($c, $m) = @_;
    my ($bearer) = ($m->header('Authorization') // '') =~ /^Bearer (\S+)$/;
    my $in = eval { $m->fields };
    my $token = ref $in eq 'HASH' && !ref $in->{token} ? $in->{token} : undef;
    my $t = defined $bearer ? $Token{$bearer} : undef;
    my $i = instruction($t ? $t->{do} : {}, 'revoke', $bearer // '');

    if (!%$i) {
        return answer($c, $m, {}, 401, { status => 'Error', error => 'Unauthorized' }) if !$t || $t->{revoked};
        return answer($c, $m, {}, 422, { status => 'Error', error => 'invalid token' })
            if !defined $token || $token ne $bearer;
        $t->{revoked} = 1;
    }
    answer($c, $m, $i, 201, { status => 'OK', data => { revoked_tokens => [ $token ] } });
}


# -- control ---------------------------------------------------------------------------------------

sub control {
    my ($c, $m, $what) = @_;
    my $in = length $m->{body} ? $JSON->decode($m->{body}) : undef;
    my $out = 1;

    if ($what eq 'reset') {
        forget();
    } elsif ($what eq 'requests') {
        $out = [ map { my %r = %$_; delete $r{raw_head}; \%r } $in->{app} ? @AppRequests : @Requests ];
    } elsif ($what eq 'next') {
        push @Next, @$in;
    } elsif ($what eq 'prepare') {
        $out = 'prepared-' . ++$Codes;
        $Code{$out} = $in;
    } elsif ($what eq 'always') {
        %Always = (%Always, %$in);
        delete $Always{$_} for grep { !$Always{$_} } keys %Always;
    } elsif ($what eq 'token') {
        # { token, userinfo => {...} | revoke => 1 }; without a token: all
        for my $t (defined $in->{token} ? $in->{token} : keys %Token) {
            $Token{$t} ||= { do => {} };
            $Token{$t}{revoked} = $in->{revoke} if exists $in->{revoke};
            $Token{$t}{do} = { %{ $Token{$t}{do} }, userinfo => $in->{userinfo} } if $in->{userinfo};
        }
    } elsif ($what eq 'release') {
        my @held = grep { $_->{held} } values %Conn;
        $out = @held;
        (delete $_->{held})->() for @held;
    } elsif ($what eq 'state') {
        my @c = grep { !$_->{control} && $_->{kind} ne 'app' } values %Conn;
        $out = { connections => scalar @c, exchanges => scalar(grep { $_->{busy} } @c),
                 accepted => $Conns };
    } else {
        return put($c, join('', message(404, [], '')), 1);
    }

    put($c, join('', message(200, [ [ 'Content-Type', 'application/json' ] ],
        $JSON->encode($out), close => 1)), 1);
}


1;
