# VcitaRedis - a real redis-server of the test's own, and one that says what it is told.
#
#   use VcitaRedis;                               # in configurations: $TEST_NGINX_REDIS_PORT, _TLS_PORT,
#   use VcitaTest;                                # _SOCKET (a unix socket), and $TEST_NGINX_FAKE_PORT
#   redis                                         # in a flow: the server, empty, as each flow begins
#   redis->command(qw( GET key )), redis->keys('*')      # an error of Redis's is a die
#   redis->calls('get')                           # how often, since the flow began
#   redis->pause, redis->resume                   # SIGSTOP, SIGCONT
#   redis->stop, redis->kill, redis->start        # SIGTERM, SIGKILL; back when it answers
#   my $f = fake_redis(GET => [ "-ERR no\r\n", 'close', 'hang', sub { my @words = @_; ... } ], ...);
#   $f->seen                                      # what it was asked: lists of words
#   fake_redis(at => '127.0.0.3:6379', ...)       # elsewhere than at $TEST_NGINX_FAKE_PORT
# Of a list, each answer is given once, the last one for ever; without one it answers as an empty Redis
# does.  It ends with the flow.
package VcitaRedis;

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use VcitaCert ();
use VcitaLoop qw( now scale );

my ($Redis, @Fakes);


sub import {
    return if $Redis;

    my $port = $ENV{TEST_NGINX_PORT} || 1984;
    $Redis = bless { port => $port + 10, tls_port => $port + 11, owner => $$,
                     dir => File::Temp->newdir('vcita-redis-' . 'X' x 6, TMPDIR => 1) };

    $ENV{TEST_NGINX_REDIS_PORT}     = $Redis->{port};
    $ENV{TEST_NGINX_REDIS_TLS_PORT} = $Redis->{tls_port};
    $ENV{TEST_NGINX_REDIS_SOCKET}   = "$Redis->{dir}/redis.sock";
    $ENV{TEST_NGINX_FAKE_PORT}      = $port + 12;

    no strict 'refs';
    *{'VcitaFlow::Code::redis'}      = sub { $Redis };
    *{'VcitaFlow::Code::fake_redis'} = \&fake;
}


END { local $?; @Fakes = (); $Redis->kill if $Redis && $Redis->{owner} == $$ }


# as a flow wants to find it; the line goes before its first
sub begin { 'VcitaRedis->fresh;' }

sub fresh {
    @Fakes = ();
    $Redis->resume;
    $Redis->start;
    $Redis->command(qw( CONFIG SET requirepass ), '');
    $Redis->command(qw( ACL DELUSER gate ));
    $Redis->command('FLUSHALL');
    $Redis->command(qw( CONFIG RESETSTAT ));
    return $Redis;
}


# ends all fakes
sub forget { @Fakes = () }


# -- the real one ----------------------------------------------------------------------------------

# a redis-server whose output is the log in its folder; its process id
sub spawn {
    my ($dir, @words) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>>', "$dir/log";
    open STDERR, '>&', \*STDOUT;
    delete @ENV{qw( LD_PRELOAD ASAN_OPTIONS )};
    exec 'redis-server', @words or POSIX::_exit(127);
}


sub start {
    my ($self) = @_;
    return $self if $self->{pid};

    my ($dir, $cert) = ("$self->{dir}", VcitaCert->get);
    my @with = (
        '--port' => $self->{port}, '--bind' => '127.0.0.1 127.0.0.2 -::1',    # where localhost is ::1, too
        '--dir' => $dir, '--save' => '',
        '--appendonly' => 'no', '--unixsocket' => "$dir/redis.sock", '--unixsocketperm' => 777,
        '--tls-port' => $self->{tls_port}, '--tls-cert-file' => $cert->{site},
        '--tls-key-file' => $cert->{site_key}, '--tls-ca-cert-file' => $cert->{ca},
        '--tls-auth-clients' => 'no',
    );
    chmod 0755, $dir;

    my $pid = $self->{pid} = spawn($dir, @with);

    my $end = now() + 15 * scale();
    until (eval { local $SIG{__DIE__}; $self->command('PING') eq 'PONG' }) {
        die "redis-server did not start: " . `tail -n 3 $dir/log` if now() > $end || waitpid($pid, POSIX::WNOHANG()) == $pid;
        Time::HiRes::sleep(0.02);
    }
    return $self;
}

sub stop   { $_[0]->_end('TERM') }
sub kill   { $_[0]->_end('KILL') }
sub pause  { my ($self) = @_; CORE::kill(STOP => $self->{pid}) if $self->{pid} }
sub resume { my ($self) = @_; CORE::kill(CONT => $self->{pid}) if $self->{pid} }

sub _end {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return;
    delete $self->{sock};
    local $?;
    CORE::kill(CONT => $pid);
    CORE::kill($signal => $pid);
    waitpid $pid, 0;
}


sub command {
    my ($self, @words) = @_;
    $self->{sock} //= IO::Socket::INET->new(PeerAddr => $self->{ip} // '127.0.0.1', PeerPort => $self->{port}, Timeout => 5)
        // die "no redis: $!\n";
    print { $self->{sock} } sprintf("*%d\r\n", scalar @words), map { sprintf "\$%d\r\n%s\r\n", length, $_ } @words;
    my $answer = eval { _reply($self->{sock}) };
    if ($@) { my $err = $@; delete $self->{sock} if $err !~ /^redis says/; die $err }
    return $answer;
}

sub keys { my ($self, $pattern) = @_; my @keys = sort @{ $self->command(KEYS => $pattern // "*") }; return @keys }

sub calls {
    my ($self, $name) = @_;
    return $self->command(qw( INFO commandstats )) =~ /^cmdstat_\Q$name\E:calls=(\d+)/m ? $1 : 0;
}

# how many clients are connected, without ours
sub clients { my ($self) = @_; return -1 + (() = $self->command(qw( CLIENT LIST )) =~ /^id=/mg) }

sub _reply {
    my ($sock) = @_;
    my $line = <$sock> // die "redis has gone\n";
    $line =~ s/\r\n\z//;
    my ($type, $rest) = (substr($line, 0, 1), substr $line, 1);
    return $rest if $type eq '+' || $type eq ':';
    die "redis says $rest\n" if $type eq '-';
    return undef if $rest < 0;
    return [ map { _reply($sock) } 1 .. $rest ] if $type eq '*';
    read($sock, my $text, $rest + 2) == $rest + 2 or die "redis has gone\n";
    return substr $text, 0, $rest;
}


# -- the one that says what it is told -------------------------------------------------------------

my %Empty = (AUTH => "+OK\r\n", SELECT => "+OK\r\n", PING => "+PONG\r\n", SET => "+OK\r\n", DEL => ":1\r\n",
             GET => "\$-1\r\n");

sub fake {
    my (%says) = @_;
    my $at = delete $says{at} // "127.0.0.1:$ENV{TEST_NGINX_FAKE_PORT}";
    my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => $at, ReuseAddr => 1) or die "$at: $!\n";

    pipe my $from, my $to or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $from;
        $SIG{$_} = 'DEFAULT' for qw( __DIE__ __WARN__ ALRM INT TERM );
        eval { _serve($listen, $to, \%says) };
        syswrite $to, "died: $@\n";
        POSIX::_exit(0);
    }
    close $to;
    my $self = bless { pid => $pid, from => $from, got => '', owner => $$ }, 'VcitaRedis::Fake';
    push @Fakes, $self;
    return $self;
}

sub _serve {
    my ($listen, $to, $says) = @_;
    my ($select, %in) = IO::Select->new($listen);

    while (1) {
        for my $sock ($select->can_read) {
            if ($sock == $listen) {
                my $new = $listen->accept or next;
                $new->autoflush(1);
                $select->add($new);
                $in{$new} = '';
                syswrite $to, "connected\n";
                next;
            }
            my $n = sysread $sock, $in{$sock}, 65536, length $in{$sock};
            my $open = $n;
            while ($open && (my @words = _words(\$in{$sock}))) {
                syswrite $to, join(' ', map { unpack 'H*', $_ } @words) . "\n";
                $open = _say($sock, $says, @words);
            }
            if (!$open) { $select->remove($sock); delete $in{$sock}; close $sock }
        }
    }
}

# takes a command off the front
sub _words {
    my ($in) = @_;
    my $text = $$in;
    $text =~ s/^\*(\d+)\r\n// or return;
    my @words;
    for (1 .. $1) {
        $text =~ s/^\$(\d+)\r\n// or return;
        return if length $text < $1 + 2;
        push @words, substr $text, 0, $1;
        substr $text, 0, $1 + 2, '';
    }
    $$in = $text;
    return @words;
}

sub _say {
    my ($sock, $says, @words) = @_;
    my $list = $says->{ uc $words[0] };
    $list = [$list] if defined $list && ref $list ne 'ARRAY';
    my $say = $list ? $list->[0] : $Empty{ uc $words[0] } // "-ERR unknown command\r\n";
    $says->{ uc $words[0] } = $list = [ @$list[ 1 .. $#$list ] ] if $list && @$list > 1;

    $say = $say->(@words) if ref $say;
    return 0 if $say eq 'close';
    return 1 if $say eq 'hang';
    local $SIG{PIPE} = 'IGNORE';
    my $close = $say =~ s/<close>\z//;                    # half an answer, and no more
    print $sock $say or return 0;
    return !$close;
}


package VcitaRedis::Fake;

# all it was asked so far, and ['connected'] for each connection
sub seen {
    my ($self) = @_;
    my $select = IO::Select->new($self->{from});
    while ($select->can_read(0)) { sysread $self->{from}, $self->{got}, 65536, length $self->{got} or last }
    my @lines = $self->{got} =~ /^(.*)\n/mg;
    die "the fake Redis $_\n" for grep { /^died/ } @lines;
    return map { $_ eq 'connected' ? ['connected'] : [ map { pack 'H*', $_ } split / / ] } @lines;
}

sub asked { my ($self, $name) = @_; return scalar grep { uc $_->[0] eq $name } $self->seen }

sub end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    return if $self->{owner} != $$;
    local $?;
    CORE::kill(KILL => $pid);
    waitpid $pid, 0;
}

sub DESTROY { $_[0]->end }


1;
