# VcitaSentinel - redis-servers and Sentinels of the test's own, on addresses of loopback, and Sentinels that lie.
#
#   use VcitaSentinel;                    # in configurations: $TEST_NGINX_SENTINELS, _TLS_SENTINELS: three, for a URL
#   use VcitaTest;
#   server(1), server(2, of => 1)         # in a flow: a redis-server; the second is a replica of the first
#   sentinel(1, of => 1)                  # a Sentinel of "mymaster", which is server 1
#   group(sentinels => {...})             # a master, a replica, three Sentinels that know them and each other
#   server(2)->command(qw( ROLE ))        # what VcitaRedis's have: command, keys, calls, stop, kill, start, pause, resume
#   liar(1, "*-1\r\n", ...)               # in the place of a Sentinel: fake_redis that answers SENTINEL so
#   liar(1); says(1, $answer)             # the same, with another answer whenever says() is called
#   names(2)                              # such an answer: server 2 is the master
#   no_liars()                            # ends them all
#   primary(), promoted(1)                # the number of the master; once it is another than 1
# Options: of; config (a list of a server's words), lines (of sentinel.conf); tls; auth (a list: what to AUTH with).  All end with the flow.
package VcitaSentinel;

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use VcitaCert ();
use VcitaLoop qw( now scale );
use VcitaRedis ();

our @ISA = 'VcitaRedis';

my ($Dir, $Owner, %Port, %Run);


sub import {
    return if $Dir;

    my $port = $ENV{TEST_NGINX_PORT} || 1984;
    $Dir = File::Temp->newdir('vcita-sentinel-' . 'X' x 6, TMPDIR => 1);
    $Owner = $$;
    %Port = (server => $port + 13, server_tls => $port + 14, sentinel => $port + 15, sentinel_tls => $port + 16);

    $ENV{TEST_NGINX_SENTINELS}     = join ',', map { ip(sentinel => $_) . ":$Port{sentinel}" } 1 .. 3;
    $ENV{TEST_NGINX_TLS_SENTINELS} = join ',', map { ip(sentinel => $_) . ":$Port{sentinel_tls}" } 1 .. 3;
    VcitaRedis->import;

    no strict 'refs';
    *{"VcitaFlow::Code::$_"} = \&$_ for qw( server sentinel group liar says no_liars names primary promoted );
}


END { if ($Owner && $Owner == $$) { local $?; fresh() } }


# the line goes before the first of a flow
sub begin { 'VcitaSentinel::fresh();' }

sub fresh { VcitaRedis::forget(); $_->kill for values %Run; %Run = () }


sub ip { my ($what, $n) = @_; return '127.0.0.' . ($what eq 'server' ? 10 + $n : 20 + $n) }


sub server {
    my ($n, %opt) = @_;
    return $Run{"server $n"} //= process(server => $n, %opt, words => [
        '--save' => '', '--appendonly' => 'no', '--repl-diskless-sync-delay' => 0,
        '--replica-announce-ip' => ip(server => $n), '--replica-serve-stale-data' => 'yes',
        $opt{of} ? ('--replicaof' => ip(server => $opt{of}), $Port{ $opt{tls} ? 'server_tls' : 'server' }) : (),
    ])->start;
}


sub sentinel {
    my ($n, %opt) = @_;
    my $self = $Run{"sentinel $n"} //= process(sentinel => $n, %opt, words => ['--sentinel']);
    return $self if $self->{pid};

    open my $fh, '>', "$self->{dir}/sentinel.conf" or die "sentinel.conf: $!";
    print $fh "sentinel monitor mymaster @{[ ip(server => $opt{of} || 1) ]} $Port{ $opt{tls} ? 'server_tls' : 'server' } 2\n",
        "sentinel down-after-milliseconds mymaster 1000\n", "sentinel failover-timeout mymaster 3000\n",
        "sentinel announce-ip $self->{ip}\n", map { "$_\n" } @{ $opt{lines} || [] };
    close $fh;
    return $self->start;
}


# the name of what is started, and how
sub process {
    my ($what, $n, %opt) = @_;
    my $dir = "$Dir/$what$n-" . int rand 1e9;
    mkdir $dir or die "$dir: $!";

    my @tls;
    if ($opt{tls}) {
        my ($cert, $key) = VcitaCert->for_names(map { ip($what => $_) } 1 .. 3);
        @tls = ('--tls-port' => $Port{"${what}_tls"}, '--tls-cert-file' => $cert, '--tls-key-file' => $key,
            '--tls-ca-cert-file' => VcitaCert->get->{ca}, '--tls-auth-clients' => 'no', '--tls-replication' => 'yes');
    }
    return bless { what => $what, n => $n, dir => $dir, ip => ip($what => $n), port => $Port{$what}, auth => $opt{auth},
        words => [ @{ $opt{words} }, @tls, @{ $opt{config} || [] } ] }, __PACKAGE__;
}


sub start {
    my ($self) = @_;
    return $self if $self->{pid};

    my $dir = $self->{dir};
    my $pid = $self->{pid} = VcitaRedis::spawn($dir, $self->{what} eq 'sentinel' ? "$dir/sentinel.conf" : (),
        '--dir' => $dir, '--port' => $self->{port}, '--bind' => $self->{ip}, @{ $self->{words} });

    until_true("$self->{what} $self->{n}", sub {
        die "$self->{what} $self->{n} did not start: " . `tail -n 5 $dir/log` if waitpid($pid, POSIX::WNOHANG()) == $pid;
        $self->command('PING') eq 'PONG' });
    return $self;
}


sub command {
    my ($self, @words) = @_;
    $self->SUPER::command(AUTH => @{ $self->{auth} }) if $self->{auth} && !$self->{sock};
    return $self->SUPER::command(@words);
}


# a condition of what was started, before the flow waits for its own
sub until_true {
    my ($what, $true) = @_;
    my $end = now() + 20 * scale();
    until (eval { local $SIG{__DIE__}; $true->() }) {
        die "$what is not as it should be: $@\n" if now() > $end || $@ =~ /did not start/;
        Time::HiRes::sleep(0.02);
    }
}


sub group {
    my (%opt) = @_;
    my $servers = delete $opt{servers} // 2;
    my %sentinel = %{ delete $opt{sentinels} || {} };

    server(1, %opt);
    server($_, %opt, of => 1) for 2 .. $servers;
    for my $n (2 .. $servers) {
        until_true("replica $n", sub { server($n)->command(qw( INFO replication )) =~ /master_link_status:up/ });
    }
    sentinel($_, tls => $opt{tls}, %sentinel) for 1 .. 3;
    for my $n (1 .. 3) {
        until_true("sentinel $n", sub {
            my %is = @{ sentinel($n)->command(qw( SENTINEL MASTER mymaster )) };
            $is{'num-slaves'} == $servers - 1 && $is{'num-other-sentinels'} == 2 && $is{flags} eq 'master' });
    }
}


sub words { return sprintf("*%d\r\n", scalar @_) . join '', map { sprintf "\$%d\r\n%s\r\n", length, $_ } @_ }

sub names { my ($n) = @_; return words(ip(server => $n), $Port{server}) }

sub liar {
    my ($n, @answers) = @_;
    @answers = sub { local $/; open my $fh, '<', "$Dir/says$n" or die "says$n: $!"; return scalar <$fh> } if !@answers;
    return VcitaRedis::fake(at => ip(sentinel => $n) . ":$Port{sentinel}", SENTINEL => \@answers);
}

sub says {
    my ($n, $answer) = @_;
    open my $fh, '>', "$Dir/new$n" or die "new$n: $!";
    print $fh $answer;
    close $fh;
    rename "$Dir/new$n", "$Dir/says$n" or die "says$n: $!";
}

sub no_liars { VcitaRedis::forget() }


# the server that says it is a master
sub primary {
    my ($is) = grep { my $run = $Run{"server $_"};
                      $run && $run->{pid} && eval { local $SIG{__DIE__}; $run->command('ROLE')->[0] eq 'master' } } 1 .. 3;
    return $is // 0;
}

sub promoted {
    my ($old) = @_;
    my $new;
    VcitaFlow::wait_for(sub { $new = primary(); $new && $new != $old }, 20, 'another master');
    return $new;
}


1;
