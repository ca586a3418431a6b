# Several machines: three nginx of their own with examples/fleet.conf, and one Redis, or none.

use lib 't/lib';
use VcitaRedis;
use VcitaTest;

use File::Path ();
use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use VcitaCert ();
use VcitaLoop ();

repeat_each(1);
workers(1);

my $Dir = File::Temp->newdir;
my (%Pid, $Shim);

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$Dir/$name" or die "$Dir/$name: $!\n";
    print $fh $text;
    close $fh;
    chmod 0600, "$Dir/$name";
    return "$Dir/$name";
}

put(client_secret => 's3cret-0123456789abcdef-0123456789');
put(session_key => pack 'C*', map { int rand 256 } 1 .. 48);
put(redis_password => "of the fleet\n");

# the user of the example, with this password
sub acl {
    my ($acl) = slurp('examples/fleet-users.acl') =~ /^user nginx (.*) >\S+$/m or die "fleet-users.acl: no nginx\n";
    VcitaFlow::Code::redis()->command(qw( ACL SETUSER nginx ), split(' ', $acl), '>of the fleet');
}

sub machine_port { ($ENV{TEST_NGINX_PORT} || 1984) + 13 + $_[0] }

# the example with the paths, ports and addresses of this test
sub machine_conf {
    my ($n, $change) = @_;
    my ($text, $cert, $port) = (slurp('examples/fleet.conf'), VcitaCert->get, machine_port($n));
    my ($stub, $app) = (VcitaFlow::stub()->url, VcitaFlow::stub()->app_url);
    my %to = (
        '^load_module modules/\S+;' => "load_module $ENV{TEST_NGINX_LOAD_MODULES};\npid $Dir/$n/nginx.pid;\n"
            . "error_log $Dir/$n/error.log info;\ndaemon off;\n" . ($> ? '' : "user root;\n"),
        '^http \{\n' => "http {\n    access_log off;\n" . join('', map { "    ${_}_temp_path $Dir/$n/$_;\n" }
            qw( client_body proxy fastcgi uwsgi scgi )) . "    vcita_oauth_authorize_endpoint $stub/app/oauth/authorize;\n"
            . "    vcita_oauth_token_endpoint $stub/oauth/token;\n    vcita_oauth_userinfo_endpoint $stub/oauth/userinfo;\n",
        'listen(\s+)443 ssl' => "listen 127.0.0.1:$port ssl",
        # one Redis; `make fleet` has the Sentinels
        'rediss\+sentinel://\S+' => "rediss://127.0.0.1:$ENV{TEST_NGINX_REDIS_TLS_PORT}",
        '^ +sentinel_password=\S+\n' => '',
        '/etc/nginx/redis/ca\.crt' => $cert->{ca}, '/etc/nginx/redis/nginx\.crt' => $cert->{site},
        '/etc/nginx/redis/nginx\.key' => $cert->{site_key}, '/etc/nginx/portal\.crt' => $cert->{site},
        '/etc/nginx/portal\.key' => $cert->{site_key}, '/etc/nginx/vcita/' => "$Dir/",
        'http://127\.0\.0\.1:8000' => $app, 'vcita_oauth_client_id(\s+)\w+' => 'vcita_oauth_client_id app1',
    );
    for my $what (sort keys %to) { $text =~ s/$what/$to{$what}/gm or die "fleet.conf: no $what\n" }
    return $change ? $change->($text) : $text;
}

# nginx as the machine n; %opt: change => sub of its configuration, clock => seconds it is ahead
sub VcitaFlow::Code::machine {
    my ($n, %opt) = @_;
    VcitaFlow::Code::machine_down($n);
    File::Path::make_path("$Dir/$n");
    my $conf = put("$n.conf", machine_conf($n, $opt{change}));

    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>>', "$Dir/$n/stderr";
        if ($opt{clock}) { $ENV{LD_PRELOAD} = join ' ', grep { length } $ENV{LD_PRELOAD} // '', shim(); $ENV{AHEAD} = $opt{clock} }
        exec $ENV{TEST_NGINX_BINARY} || 'nginx', '-p', "$Dir/$n/", '-c', $conf, '-e', "$Dir/$n/error.log",
            $opt{clock} ? (-g => 'env AHEAD;') : () or POSIX::_exit(127);
    }
    $Pid{$n} = $pid;
    VcitaFlow::wait_for(sub {
        die "machine $n did not start: " . slurp("$Dir/$n/stderr") if waitpid($pid, POSIX::WNOHANG()) == $pid;
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => machine_port($n)) }, 15, "machine $n");
}

sub VcitaFlow::Code::machine_down {
    my ($n) = @_;
    my $pid = delete $Pid{$n} or return;
    local $?;
    kill TERM => $pid;
    waitpid $pid, 0;
}

sub VcitaFlow::Code::fleet {
    my (%opt) = @_;
    acl();
    VcitaFlow::Code::machine($_, %opt) for 1 .. 3;
}

my $Owner = $$;
END { if ($Owner == $$) { local $?; VcitaFlow::Code::machine_down($_) for keys %Pid } }

# a clock that is ahead
sub shim {
    return $Shim if $Shim;
    put('ahead.c', <<'CODE');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    static int (*real)(struct timeval *, void *);
    const char *ahead = getenv("AHEAD");
    int rc;
    if (real == NULL) real = (int (*)(struct timeval *, void *)) dlsym(RTLD_NEXT, "gettimeofday");
    rc = real(tv, tz);
    if (rc == 0 && ahead) tv->tv_sec += atoi(ahead);
    return rc;
}
CODE
    system('cc', '-shared', '-fPIC', '-o', "$Dir/ahead.so", "$Dir/ahead.c", '-ldl') == 0 or die "no shim\n";
    return $Shim = "$Dir/ahead.so";
}

# a browser that the load balancer sends to machine n from now on
sub VcitaFlow::Code::sent_to {
    my ($b, $n) = @_;
    $b->resolve('portal.example.com' => '127.0.0.1:' . machine_port($n));
    return $b;
}

sub VcitaFlow::Code::visitor {
    my ($n) = @_;
    my $b = VcitaFlow::browser(base => 'https://portal.example.com', resolve => {});
    return VcitaFlow::Code::sent_to($b, $n);
}

# status of / for this browser at machine n
sub VcitaFlow::Code::at { my ($b, $n) = @_; return VcitaFlow::Code::sent_to($b, $n)->get('https://portal.example.com/')->status }

sub VcitaFlow::Code::users { acl() }

sub VcitaFlow::Code::no_store {
    return (change => sub { $_[0] =~ s/^\s+vcita_oauth_session_store[^;]+;//mr =~ s/8r\/s fleet;/2r\/s;/r });
}

sub VcitaFlow::Code::machine_log { my ($n) = @_; return slurp("$Dir/$n/error.log") }

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => '');
    $block->set_value(flow => VcitaRedis::begin() . ' ' . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: a fleet with one Redis: in at the first, known at the others, out at the second, out at the third
--- flow
fleet();
my $b = visitor(1);
my $r = $b->visit('https://portal.example.com/reports');
is $r->status, 200, 'in at the first';
is { map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} } }->{'x-forwarded-user'}, 'a383717599bf1893', 'by name';
is scalar(grep { !/rate:/ } redis->keys('vcita:*')), 1, 'a session in Redis';
is scalar(redis->keys('vcita:rate:*')), 1, 'and the rate of all machines';
is at($b, 2), 200, 'known at the second';
is at($b, 3), 200, 'and at the third';

# a busy machine may be late once
my $took;
for my $try (1 .. 3) {
    my $copy = $b->clone;
    is at($copy->clone, $_), 200, "known at $_" for 1, 3;
    is sent_to($b, 2)->get('https://portal.example.com/logout')->status, 303, 'out at the second';
    is at($copy, 2), 302, 'at once, with a copy of the cookie, too';
    my $since = VcitaLoop::now();
    wait_for { at($copy->clone, 3) == 302 } 3, 'out at the third';
    wait_for { at($copy->clone, 1) == 302 } 3, 'out at the first';
    $took = VcitaLoop::now() - $since;
    last if $took < 1.5 || $try == 3;
    $b = visitor(1);
    is $b->visit('https://portal.example.com/reports')->status, 200, 'in at the first';
}
cmp_ok $took, '<', 1.5, 'within a second';


=== TEST 2: a login begins at one machine and comes back to another
--- flow
fleet();
my $b = visitor(1);
is $b->get('https://portal.example.com/deep?x=1')->status, 302, 'off to vcita';
my $r = sent_to($b, 2)->get($b->callback_url(code => stub_code));
is $r->status, 303, 'back at another';
is $r->location, 'https://portal.example.com/deep?x=1', 'to where it began';
is at($b, 3), 200, 'known at the third';


=== TEST 3: Redis is killed: 503 everywhere, nobody passes; started again: people sign in, and on it goes
--- flow
fleet();
my $b = visitor(1);
is $b->visit('https://portal.example.com/')->status, 200, 'in';
is at($b, $_), 200, "known at $_" for 2, 3;
redis->kill;
wait_for { at($b, 1) == 503 } 3, '503 at the first';
wait_for { at($b, 2) == 503 } 3, '503 at the second';
wait_for { at($b, 3) == 503 } 3, '503 at the third';
like machine_log(2), qr/session_store "rediss:[^"]*" is unreachable/, 'the log says it';

redis->start;
users();
for my $n (1 .. 3) { wait_for { at($b->clone, $n) == 302 } 10, "Redis is empty: a new login at $n" }
is sent_to($b, 2)->visit('https://portal.example.com/')->status, 200, 'in again';
is at($b, $_), 200, "known at $_" for 1 .. 3;


=== TEST 4: machines come and go: a session is known at one that was started just now
--- flow
fleet();
my $b = visitor(1);
is $b->visit('https://portal.example.com/')->status, 200, 'in';
for my $n (1 .. 3) {
    machine_down($n);
    is at($b, $n % 3 + 1), 200, "without $n";
    machine($n);
    is at($b, $n), 200, "$n is new";
}


=== TEST 5: three machines on sealed cookies and no store: in at one, known at all, whatever is restarted
--- flow
fleet(no_store);
my $b = visitor(1);
is $b->visit('https://portal.example.com/')->status, 200, 'in at the first';
is at($b, $_), 200, "known at $_" for 2, 3;
redis->kill;
is at($b, $_), 200, "no Redis: known at $_" for 1 .. 3;
for my $n (1 .. 3) { machine_down($n); machine($n, no_store); is at($b, $n), 200, "$n is new" }

is sent_to($b, 2)->get('https://portal.example.com/logout')->status, 303, 'out at the second';
is at($b, $_), 302, "out at $_" for 1 .. 3;


=== TEST 6: clocks of a fleet may differ by 60 s, with Redis and without
--- flow
for my $store (1, 0) {
    my @how = $store ? () : no_store;
    fleet(@how);
    machine(2, @how, clock => 55);
    my $b = visitor(2);
    is $b->visit('https://portal.example.com/')->status, 200, 'in at one that is 55 s ahead';
    is at($b, $_), 200, "known at $_" for 1 .. 3;

    $b = visitor(2);
    is $b->get('https://portal.example.com/')->status, 302, 'a login begins there';
    is sent_to($b, 1)->get($b->callback_url(code => stub_code))->status, 303, 'and ends at another';
    is at($b, $_), 200, "known at $_" for 1 .. 3;
}

# more than that is no session, so the clock above was another
fleet(no_store);
machine(2, no_store, clock => 300);
my $b = visitor(2);
is $b->visit('https://portal.example.com/')->status, 200, 'in at one that is 300 s ahead';
is at($b, 2), 200, 'known there';
is at($b, 1), 302, 'unknown elsewhere';
