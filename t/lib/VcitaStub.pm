# VcitaStub - the test's side of the stand-in for vcita: starts the process, makes codes that carry
# instructions, asks what was received.  The process itself is VcitaStubServer.
#
#   my $stub = VcitaStub->start;      # ended by its pid when the object or the test goes
#   $stub->url, ->url_tls, ->app_url, ->ca
#   my $code = stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } });
package VcitaStub;

use strict;
use warnings;

use Exporter 'import';
use IO::Select ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64url );
use Time::HiRes ();
use VcitaCert ();
use VcitaExchange ();
use VcitaHttp ();
use VcitaLoop qw( now scale );

our @EXPORT_OK = qw( stub_code );

my $LIFE = $ENV{VCITA_TEST_LIMIT} && $ENV{VCITA_TEST_LIMIT} > 600 ? $ENV{VCITA_TEST_LIMIT} : 600;
my $JSON = JSON::PP->new->latin1->canonical->allow_nonref;
my (@Running, $Seq);


sub start {
    my ($class) = @_;
    my $cert = VcitaCert->get;

    (my $lib = $INC{'VcitaStub.pm'}) =~ s{[^/]*$}{};
    pipe my $from, my $to or die "pipe: $!";
    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        POSIX::setsid();                   # for come_first of VcitaLoop
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $to;
        delete @ENV{qw( LD_PRELOAD ASAN_OPTIONS )};
        exec $^X, "-I$lib", '-MVcitaStubServer', '-e', 'VcitaStubServer::main()', parent => $parent,
            cert => $cert->{stub}, key => $cert->{stub_key}, life => $LIFE * scale()
            or POSIX::_exit(127);
    }
    close $to;

    my $self = bless { pid => $pid, owner => $$, cert => $cert }, $class;
    my ($line, $end) = ('', now() + 30 * scale());
    until ($line =~ /\n/) {
        my $left = $end - now();
        die "the stub did not start within 30 s\n" if $left <= 0;
        IO::Select->new($from)->can_read($left) or next;
        sysread($from, $line, 4096, length $line) or die "the stub ended at its start\n";
    }
    $self->{port} = $JSON->decode($line);
    push @Running, $self;
    require Scalar::Util;
    Scalar::Util::weaken($Running[-1]);
    return $self;
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    return if $self->{owner} != $$;
    local ($?, $!);
    kill TERM => $pid;
    my $end = now() + 5;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        if (now() > $end) { kill KILL => $pid; waitpid $pid, 0; last }
        Time::HiRes::sleep(0.01);
    }
}


sub DESTROY { $_[0]->stop }
END { $_ && $_->stop for @Running }

sub pid     { $_[0]{pid} }
sub url     { "http://127.0.0.1:$_[0]{port}{http}" }
sub url_tls { "https://localhost:$_[0]{port}{https}" }
sub app_url { "http://127.0.0.1:$_[0]{port}{app}" }
sub ca      { $_[0]{cert}{ca} }


# -- codes -----------------------------------------------------------------------------------------

# a code of its own for each call, which carries the instructions
sub stub_code {
    my ($do) = @_;
    return encode_base64url(JSON::PP->new->utf8->canonical->encode(
        { n => "$$." . ++$Seq, %{ $do || {} } }));
}


# a short code for instructions that are too long for an address
sub prepare { my ($s, $do) = @_; return $s->_ask(prepare => $do) }

# instructions for the next logins that come to the authorize page, one after the other
sub next { my ($s, @do) = @_; return $s->_ask(next => \@do) }

# { token => {...}, userinfo => {...}, authorize => {...} } for every call until reset; undef: no more
sub always { my ($s, $do) = @_; return $s->_ask(always => $do) }

# vcita's mind about tokens: one, or all
sub revoke   { my ($s, $token) = @_; return $s->_ask(token => { token => $token, revoke => 1 }) }
sub userinfo { my ($s, $token, $do) = @_; return $s->_ask(token => { token => $token, userinfo => $do }) }

# lets every exchange with "hold" go on; how many
sub release { $_[0]->_ask('release') }

# -- what was seen ---------------------------------------------------------------------------------

# VcitaHttp::Request objects, oldest first; of one path, where given
sub requests {
    my ($self, $path) = @_;
    return grep { !defined $path || $_->{path} eq $path } $self->_requests(0);
}

sub app_requests { $_[0]->_requests(1) }

sub _requests {
    my ($self, $app) = @_;
    return map { bless $_, 'VcitaHttp::Request' } @{ $self->_ask(requests => { app => $app }) };
}


# forgets requests and instructions; connections stay
sub reset { $_[0]->_ask('reset') }

# connections to vcita that are open now, and requests on them that have no whole answer yet
sub open_connections { $_[0]->_ask('state')->{connections} }
sub exchanges        { $_[0]->_ask('state')->{exchanges} }


sub _ask {
    my ($self, $what, $in) = @_;
    my $body = defined $in ? $JSON->encode($in) : '';
    my ($loop, $got) = (VcitaLoop->new);
    VcitaExchange->start($loop, host => '127.0.0.1', port => $self->{port}{http}, timeout => 30,
        bytes => "POST /_stub/$what HTTP/1.1\r\nHost: stub\r\nContent-Length: " . length($body)
               . "\r\n\r\n$body",
        done => sub { $got = $_[0] });
    $loop->until(sub { $got }, 1e6);
    die "stub ($what): " . ($got->error || $got->status) . "\n" if $got->status != 200;
    return $JSON->decode($got->body);
}


require POSIX;
1;
