# VcitaServers - redis-servers that fail over: each has an address of loopback of its own, all have one port.
#
#   use VcitaServers;                     # in configurations: $TEST_NGINX_SERVERS_PORT, and names: NAME.hosts.test
#   use VcitaTest;
#   my $a = server_at('127.0.0.3');       # in a flow: what VcitaRedis's have, and
#   my $b = server_at('127.0.0.4', of => $a, with => [ '--cluster-enabled' => 'yes' ]);     # a replica, in sync
#   $b->promote; $a->demote($b);          # REPLICAOF NO ONE; REPLICAOF the other
#   name_is(NAME => '127.0.0.3 127.0.0.4');      # from now on; '' is not found; 'hang-5' answers after 5 s
# Names are looked up by t/lib/world.c, which is preloaded into nginx.  The servers end with the flow.
package VcitaServers;

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use VcitaLoop qw( now scale );
use VcitaRedis ();

our @ISA = 'VcitaRedis';

my ($Dir, $Port, $Owner, @Servers);


sub import {
    return if $Dir;
    VcitaRedis->import;

    $Dir = File::Temp->newdir('vcita-servers-' . 'X' x 6, TMPDIR => 1);
    $Port = ($ENV{TEST_NGINX_PORT} || 1984) + 14;
    $Owner = $$;
    mkdir "$Dir/hosts";

    local $?;
    system('cc', '-shared', '-fPIC', '-o', "$Dir/world.so", 't/lib/world.c', '-ldl') == 0 or die "no world.so\n";
    $ENV{TEST_NGINX_LD_PRELOAD} = "$Dir/world.so";
    $ENV{VCITA_TEST_HOSTS} = "$Dir/hosts";
    $ENV{TEST_NGINX_SERVERS_PORT} = $Port;

    no strict 'refs';
    *{"VcitaFlow::Code::$_"} = \&$_ for qw( server_at name_is );
}


END { if ($Owner && $Owner == $$) { local $?; fresh() } }


# the line goes before the first of a flow
sub begin { 'VcitaServers::fresh();' }

sub fresh { $_->kill for @Servers; @Servers = () }


sub name_is {
    my ($name, $addresses) = @_;
    open my $fh, '>', "$Dir/hosts/$name.new" or die "$name: $!";
    print $fh $addresses;
    close $fh;
    rename "$Dir/hosts/$name.new", "$Dir/hosts/$name" or die "$name: $!";
}


sub server_at {
    my ($ip, %opt) = @_;
    my $self = bless { ip => $ip, port => $Port, owner => $$, with => $opt{with} || [],
                       dir => File::Temp->newdir('vcita-server-' . 'X' x 6, TMPDIR => 1) }, __PACKAGE__;
    push @Servers, $self;
    $self->start;
    $self->demote($opt{of})->synced if $opt{of};
    return $self;
}


sub start {
    my ($self) = @_;
    return $self if $self->{pid};

    my $dir = "$self->{dir}";
    my $pid = $self->{pid} = VcitaRedis::spawn($dir, '--port' => $self->{port}, '--bind' => $self->{ip}, '--dir' => $dir,
        '--save' => '', '--appendonly' => 'no', '--repl-diskless-sync-delay' => 0, @{ $self->{with} });

    until_true("$self->{ip} to start", sub {
        die "redis-server did not start: " . `tail -n 3 $dir/log` if waitpid($pid, POSIX::WNOHANG()) == $pid;
        $self->command('PING') eq 'PONG' });
    return $self;
}


sub promote { my ($self) = @_; $self->command(qw( REPLICAOF NO ONE )); return $self }
sub demote  { my ($self, $to) = @_; $self->command('REPLICAOF', $to->{ip}, $to->{port}); return $self }

sub synced {
    my ($self) = @_;
    until_true("$self->{ip} to be in sync", sub { $self->command(qw( INFO replication )) =~ /^master_link_status:up/m });
    return $self;
}


sub until_true {
    my ($what, $true) = @_;
    my $end = now() + 20 * scale();
    until (eval { local $SIG{__DIE__}; $true->() }) {
        die "waiting for $what: $@\n" if now() > $end || $@ =~ /did not start/;
        Time::HiRes::sleep(0.02);
    }
}


1;
