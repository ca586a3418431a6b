# VcitaMachine - one more nginx beside the one under test, with a clock of its own, its own build of the
# module if need be, and the usual application: a machine of a fleet.
#
#   my $m = VcitaMachine->start('a', gate => "vcita_oauth_session_idle_timeout 1h;", clock => -30);
#   $m->url('/x'); $m->port;
#   $m->clock(3600);                 # it is an hour later there, and stays so: the clocks of machines stand still
#   $m->configure(gate => '...');    # other directives, and a reload; back when no old worker is left
#   $m->replace(module => '...');    # is ended, as by `nginx -s quit`, and started again with this
#   $m->stop;                        # the messages of its log at warn and above
# Options: gate (as the section of that name), server (instead of the gated location), http, main, module, workers,
# redirect (port that redirect_uri names: its own), with { NAME => $value } (of $NAME in all of these).
# It ends with the object, by its pid.
package VcitaMachine;

use strict;
use warnings;

use File::Path ();
use IO::Socket::INET ();
use POSIX ();
use VcitaFlow ();
use VcitaLoop qw( scale );
use VcitaTest ();

my $SERVER = 'location / { vcita_oauth on; add_header X-Left $vcita_oauth_expires always; proxy_pass $VCITA_APP; }';

my $Next = 5;                    # ports behind that of the nginx under test
my $Noon = time;                 # when all clocks stand at 0
my $Shim;


sub start {
    my ($class, $name, %opt) = @_;
    my $dir = VcitaFlow::servroot() . "-$name";

    File::Path::remove_tree($dir);
    File::Path::make_path("$dir/logs");

    my $self = bless { name => $name, dir => $dir, owner => $$, gate => '', server => $SERVER, http => '', main => '',
                       workers => 1, with => {}, %opt }, $class;
    $self->{port} = free_port();
    $self->clock($opt{clock} // 0);
    $self->_begin;
    return $self;
}


sub _begin {
    my ($self) = @_;
    my ($name, $dir) = @$self{qw( name dir )};
    $self->_write;

    my $shim = shim();
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/stdout";
        open STDERR, '>', "$dir/stderr";
        $ENV{LD_PRELOAD} = $shim;
        $ENV{VCITA_CLOCK} = "$dir/clock";
        exec $nginx, '-p', "$dir/", '-c', "$dir/nginx.conf", '-e', "$dir/logs/error.log" or POSIX::_exit(127);
    }
    $self->{pid} = $pid;

    VcitaFlow::wait_for(sub {
        die "$name did not start: " . $self->log . slurp("$dir/stderr") . "\n" if waitpid($pid, POSIX::WNOHANG()) > 0;
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
    }, 30, "$name to start");
}


sub port { $_[0]{port} }
sub url  { my ($self, $path) = @_; return "http://127.0.0.1:$self->{port}" . ($path // '/') }
sub dir  { $_[0]{dir} }
sub log  { slurp("$_[0]{dir}/logs/error.log") }


# a file that is replaced: a read never finds half of a number
sub clock {
    my ($self, $seconds) = @_;
    my $file = "$self->{dir}/clock";

    open my $fh, -e $file ? '+<' : '>', $file or die "$file: $!";
    syswrite $fh, sprintf '%-20d', $Noon + $seconds;
    close $fh;
}


sub configure {
    my ($self, %opt) = @_;
    %$self = (%$self, %opt);
    $self->_write;

    my %old = map { $_ => 1 } $self->workers;
    my $log = length $self->log;

    kill HUP => $self->{pid};
    VcitaFlow::wait_for(sub {
        die "$self->{name}: $1\n" if substr($self->log, $log) =~ /(\[emerg\][^\n]*)/;
        my @now = $self->workers;
        return @now == $self->{workers} && !grep { $old{$_} } @now;
    }, 30, "the new workers of $self->{name}");
}


sub replace {
    my ($self, %opt) = @_;
    $self->_end('QUIT');
    %$self = (%$self, %opt);
    $self->_begin;
}


sub workers {
    my ($self) = @_;
    return grep { (VcitaFlow::_stat($_))[1] == $self->{pid} } map { m{/(\d+)/stat$} } glob '/proc/[0-9]*/stat';
}


sub stop {
    my ($self) = @_;
    $self->_end('TERM');
    return grep { /\[(?:warn|error|crit|alert|emerg)\]/ } split /^/, $self->log;
}


sub _end {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return;

    kill $signal => $pid;
    for (1 .. 1000 * scale()) {
        return if waitpid($pid, POSIX::WNOHANG());
        Time::HiRes::sleep(0.01);
    }
    kill KILL => $pid;
    waitpid $pid, 0;
}


sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $@);
    $self->stop;
}


sub _write {
    my ($self) = @_;
    my $module = $self->{module} // (split ' ', $ENV{TEST_NGINX_LOAD_MODULES} || '')[0];
    my $uri = 'http://127.0.0.1:' . ($self->{redirect} // $self->{port}) . '/oauth/callback';
    my $gate = VcitaTest::usual_gate($self->{gate} =~ /^\s*vcita_oauth_redirect_uri/m
        ? $self->{gate} : "$self->{gate}\nvcita_oauth_redirect_uri $uri;");
    my $temp = join ' ', map { "${_}_temp_path $self->{dir}/$_;" } qw( client_body proxy fastcgi uwsgi scgi );

    my $text = VcitaTest::expand(<<"CONF", $self->{name});
@{[ $module ? "load_module $module;" : '' ]}
$self->{main}
@{[ $> == 0 ? 'user root;' : '' ]}
daemon off;
worker_processes $self->{workers};
pid $self->{dir}/nginx.pid;
error_log $self->{dir}/logs/error.log info;
worker_shutdown_timeout 10s;
events { worker_connections 1024; }
http {
access_log off;
keepalive_requests 1000000;
$temp
$gate
$self->{http}
server {
listen 127.0.0.1:$self->{port};
$self->{server}
}
}
CONF

    $text =~ s/\$$_\b/$self->{with}{$_}/g for keys %{ $self->{with} };

    open my $fh, '>', "$self->{dir}/nginx.conf" or die "$self->{dir}/nginx.conf: $!";
    print $fh $text;
    close $fh;
}


sub free_port {
    for (1 .. 15) {
        my $port = VcitaFlow::port() + 5 + $Next++ % 15;
        return $port if !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    }
    die "no free port\n";
}


# gettimeofday(), which is nginx's clock, as the file says; its timers have another one, which goes on
sub shim {
    return $Shim if $Shim;
    my $base = VcitaFlow::servroot() . '-clock';

    open my $fh, '>', "$base.c" or die "$base.c: $!";
    print $fh <<'CODE';
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static int  fd = -1;

__attribute__((constructor)) static void
clock_open(void)
{
    char  *name = getenv("VCITA_CLOCK");

    if (name) {
        fd = open(name, O_RDONLY|O_CLOEXEC);
    }
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    char  text[21] = { 0 };

    (void) tz;

    if (fd == -1 || pread(fd, text, 20, 0) != 20) {
        abort();
    }

    tv->tv_sec = atol(text);
    tv->tv_usec = 500000;

    return 0;
}
CODE
    close $fh;

    system('cc', '-shared', '-fPIC', '-O1', '-o', "$base.so", "$base.c") == 0 or die "no $base.so\n";
    return $Shim = "$base.so";
}


sub slurp {
    open my $fh, '<', $_[0] or return '';
    local $/;
    return scalar(<$fh>) // '';
}


1;
