# The longest turn of the event loop: what comes at once is done a little a turn, so that a worker answers others in
# between.  t/lib/turns.c counts in the worker, so that a busy machine changes nothing.

use lib 't/lib';

use File::Temp ();

our $Turns;

BEGIN {
    my $dir = our $Dir = File::Temp->newdir;
    system('cc', '-shared', '-fPIC', '-o', "$dir/turns.so", 't/lib/turns.c', '-ldl') == 0 or die "no turns.so\n";

    $Turns = "$dir/turns";
    open my $fh, '>', $Turns or die "$Turns: $!";
    print $fh "\0" x 4096;

    $ENV{TEST_NGINX_LD_PRELOAD} = "$dir/turns.so";
    $ENV{VCITA_TEST_TURNS} = $Turns;
}

use VcitaRedis;
use VcitaTest;
use VcitaAssertion;
use VcitaCheck;
use IO::Socket::INET ();
use Time::HiRes ();

# the most in one turn since the last look, by name
sub VcitaFlow::Code::most {
    open my $fh, '+<', $Turns or die "$Turns: $!";
    sysread $fh, my $bytes, 40;
    sysseek $fh, 0, 0;
    syswrite $fh, "\0" x 40;
    my %most;
    @most{qw( transfers handshakes replies signatures ns )} = unpack 'Q<5', $bytes;
    VcitaFlow::note(sprintf 'the longest turn: %.2f ms of CPU', $most{ns} / 1e6);
    return \%most;
}

# connections that nginx has accepted, and so reads from in one turn
sub VcitaFlow::Code::connections {
    my ($n) = @_;
    my @c = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => VcitaFlow::port()) // die "connect: $!\n" } 1 .. $n;
    syswrite $_, "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n" for @c;
    answer($_) for @c;
    return @c;
}

# the status of an answer
sub answer {
    my ($c) = @_;
    my $got = '';
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 60 * VcitaLoop::scale();
    until ($got =~ /\r\n\r\n/) { sysread $c, $got, 65536, length $got or die "closed\n" }
    my ($left) = $got =~ /^Content-Length: (\d+)/mi;
    my ($body) = $got =~ /\r\n\r\n(.*)/s;
    while (length $body < ($left // 0)) { sysread $c, $body, 65536, length $body or die "closed\n" }
    alarm 0;
    return $got =~ m{^HTTP/1\.1 (\d+)} ? $1 : '';
}

# how many of which status
sub VcitaFlow::Code::statuses {
    my %n;
    $n{ answer($_) }++ for @_;
    return join ', ', map { "$n{$_} x $_" } sort keys %n;
}

# a callback, as bytes
sub VcitaFlow::Code::callback {
    my ($do) = @_;
    my $b = VcitaCheck::begun('/');
    my ($target) = $b->callback_url(code => VcitaStub::stub_code($do)) =~ m{^http://[^/]+(/.*)};
    return "GET $target HTTP/1.1\r\nHost: 127.0.0.1:" . VcitaFlow::port() . "\r\nAccept: text/html\r\n"
        . 'Cookie: vcita_session_login=' . $b->cookie('vcita_session_login') . "\r\n\r\n";
}

# all bytes are there before the worker sees any
sub VcitaFlow::Code::at_once {
    my ($connections, @bytes) = @_;
    my ($pid) = VcitaFlow::nginx_workers();
    kill STOP => $pid;
    VcitaFlow::Code::wait_for { (VcitaFlow::_stat($pid))[0] eq 'T' } 5, 'nginx to stop';
    syswrite $connections->[$_], $bytes[ $_ % @bytes ] for 0 .. $#$connections;
    VcitaFlow::Code::most();
    kill CONT => $pid;
}

# a hundred callbacks: of what a turn has one at most, and one of a start before it
sub VcitaFlow::Code::one_a_turn {
    my ($what) = @_;
    my @c = VcitaFlow::Code::connections(100);
    VcitaFlow::Code::at_once(\@c, map { VcitaFlow::Code::callback({}) } @c);
    VcitaFlow::Code::is(VcitaFlow::Code::statuses(@c), '100 x 303', 'all are in');
    my $n = VcitaFlow::Code::most()->{$what};
    VcitaFlow::Code::cmp_ok($n, '>=', 1, "the $what were seen");
    VcitaFlow::Code::cmp_ok($n, '<=', 2, "at most one, and one of before, in a turn: $n");
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(flow => VcitaRedis::begin() . ' ' . $block->flow) if ($block->gate // '') =~ /redis:/;
    $block->set_value(log_level => 'warn');
});

run_tests();

__DATA__

=== TEST 1: a hundred callbacks at once: one call to vcita starts in a turn of the event loop, and all are answered
--- flow
answered(begun('/')->come_back(code => stub_code), 303, '', 'a first login', session => 1, sent => 'token userinfo');
one_a_turn('transfers');


=== TEST 2: a hundred callbacks at once, over https: their handshakes are spread over turns of the event loop
--- gate
vcita_oauth_timeout 60s;
vcita_oauth_connect_timeout 60s;
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- flow
answered(begun('/')->come_back(code => stub_code), 303, '', 'a first login', session => 1, sent => 'token userinfo');

# a worker that gets no CPU for 200 ms finds more of them ready, so it has some tries
my $fewest;
for (1 .. 3) {
    my @c = connections(100);
    at_once(\@c, map { callback({ userinfo => { hold => 1 } }) } @c);
    wait_for { stub->exchanges == 100 } 60, 'all to be at userinfo';
    my $n = most->{handshakes};
    $fewest = $n if !defined $fewest || $n < $fewest;
    stub->release;
    is statuses(@c), '100 x 303', 'all are in';
    last if $fewest <= 60;
}
cmp_ok $fewest, '>=', 1, 'the handshakes were seen';
cmp_ok $fewest, '<=', 60, "a few in a turn: $fewest";


=== TEST 3: a hundred callbacks at once, with an assertion each: one is signed in a turn of the event loop
--- gate eval
"no vcita_oauth_client_secret;\nvcita_oauth_client_assertion_key " . VcitaFlow::Code::client_key('rsa') . ';'
--- flow
begun('/')->come_back(code => stub_code);
one_a_turn('signatures');


=== TEST 4: five hundred replies of Redis at once: a hundred answer requests in a turn of the event loop
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=30s;
--- flow
my @c = connections(500);
is browser()->get('/', headers => [ Cookie => 'vcita_session=' . 'A' x 43 ])->status, 302, 'a connection to Redis';
redis->pause;
syswrite $c[$_], sprintf "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nCookie: vcita_session=%040dAAA\r\n\r\n", $_ for 0 .. $#c;
is browser()->get('/ping')->status, 200, 'all of it was read' for 1 .. 2;
kill STOP => nginx_pid;
redis->resume;
wait_for { redis->calls('get') >= 500 } 10, 'Redis to answer';
most;
kill CONT => nginx_pid;
is statuses(@c), '500 x 302', 'all are sent to vcita';
my $most = most;
cmp_ok $most->{replies}, '>=', 1, 'the replies were seen';
cmp_ok $most->{replies}, '<=', 110, "about a hundred in a turn: $most->{replies}";


=== TEST 5: five hundred replies of Redis just before the deadline: those of later turns came in time, too
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=1s;
--- flow
return pass 'once is enough' if round;
for my $ms (960, 970, 980, 985, 990, 993) {
    my @c = connections(500);
    wait_for { browser()->get('/', headers => [ Cookie => 'vcita_session=' . 'A' x 43 ])->status == 302 } 10, 'a connection to Redis';
    redis->pause;
    my $since = Time::HiRes::time;
    syswrite $c[$_], sprintf "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nCookie: vcita_session=%040dAAA\r\n\r\n", $_ for 0 .. $#c;
    my $left = $since + $ms / 1000 - Time::HiRes::time;
    Time::HiRes::sleep($left) if $left > 0;
    redis->resume;

    # on a busy machine the replies are late
    like statuses(@c), qr/^500 x (?:302|503)\z/, "after $ms ms: all of them, or none";
}
--- no_error_log
[alert]


=== TEST 6: half of three hundred callbacks go away while they wait for their turns: the others are answered, and no call is left
--- gate eval
"no vcita_oauth_client_secret;\nvcita_oauth_client_assertion_key " . VcitaFlow::Code::client_key('rsa') . ';'
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /status { vcita_oauth_status; }
--- flow
begun('/')->come_back(code => stub_code);
my @c = connections(300);
at_once(\@c, map { callback({}) } @c);
close $_ for splice @c, 150;
is statuses(@c), '150 x 303', 'who stays is in';
wait_for { browser()->get('/status')->body =~ /^vcita_oauth_calls_in_flight(?:\{[^}]*\})? 0$/m } 10, 'no call in flight';
is begun('/')->come_back(code => stub_code)->status, 303, 'the next login';


=== TEST 7: a reload while 150 callbacks wait for their turns: the old worker ends when all are answered; one that is told to end at once does so
--- master_on
--- gate eval
"no vcita_oauth_client_secret;\nvcita_oauth_client_assertion_key " . VcitaFlow::Code::client_key('rsa') . ';'
--- flow
begun('/')->come_back(code => stub_code);
my @c = connections(150);
my ($old) = nginx_workers;
at_once(\@c, map { callback({}) } @c);
nginx_signal('HUP');
is statuses(@c), '150 x 303', 'all are in';
wait_for { !grep { $_ == $old } nginx_workers } 15, 'the old worker to go';

wait_for { nginx_workers == 1 } 15, 'one worker';
($old) = nginx_workers;
@c = connections(150);
at_once(\@c, map { callback({}) } @c);
kill TERM => $old;
wait_for { my @now = nginx_workers; @now == 1 && $now[0] != $old } 15, 'another worker';
close $_ for @c;
is begun('/')->come_back(code => stub_code)->status, 303, 'the next login';
