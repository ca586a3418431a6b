# Operations under fire: the outside world.  Names that hang, a first address that is dead, a clock that jumps.
# nginx has a resolver and a clock of its own here: t/lib/world.c.

use lib 't/lib';

use File::Temp ();

our ($Dir, $Clock);

BEGIN {
    $Dir = File::Temp->newdir;
    $Clock = "$Dir/clock";
    system('cc', '-shared', '-fPIC', '-o', "$Dir/world.so", 't/lib/world.c', '-ldl') == 0 or die "no world.so\n";

    $ENV{TEST_NGINX_LD_PRELOAD} = "$Dir/world.so";
    $ENV{VCITA_TEST_CLOCK} = $Clock;
}

use VcitaTest;
use VcitaCheck;
use HTTP::Date ();

# nginx's clock is so many seconds ahead; back when it is
sub VcitaFlow::Code::clock {
    my ($ahead) = @_;
    set_clock($ahead);
    my $b = VcitaFlow::browser();
    VcitaFlow::wait_for(sub {
        my $date = HTTP::Date::str2time(scalar $b->get('/ping')->header('Date'));
        abs($date - time - $ahead) <= 2
    }, 10, 'the clock to jump');
}

sub set_clock {
    open my $fh, '>', "$Clock.new" or die "$Clock: $!";
    printf $fh "%+d\n", $_[0];
    close $fh;
    rename "$Clock.new", $Clock;
}

set_clock(0);

# callbacks whose exchange begins with a name
sub VcitaFlow::Code::callbacks_to {
    my ($where, $n) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($_, GET => $_->callback_url(code => VcitaStub::stub_code())) for map { VcitaCheck::begun($where) } 1 .. $n;
    return $crowd;
}

# The longest gap between answers of a location without gate while something is done.  A busy machine makes gaps of
# its own, other ones each time.
sub VcitaFlow::Code::no_gap_over {
    my ($ms, $do) = @_;
    my @gaps;
    VcitaLoop::come_first(VcitaFlow::nginx_pid());
    do {
        my $probe = VcitaFlow::probe(undef, VcitaFlow::nginx_pid());
        $do->();
        my $p = $probe->stop;
        VcitaFlow::is($p->{error}, undef, 'the probe');
        push @gaps, $p->{max_own_ms};
    } until $gaps[-1] <= $ms * VcitaLoop::scale() || @gaps == 3;
    VcitaFlow::cmp_ok($gaps[-1], '<=', $ms * VcitaLoop::scale(), "no gap over $ms ms (@gaps)");
}

# a server that never takes a connection: its queue is full
sub VcitaFlow::Code::black_hole {
    my ($host, $port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => $host, LocalPort => $port, Listen => 0, ReuseAddr => 1)
        or die "black hole: $!";
    listen $listener, 0;
    my @full = map { IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Blocking => 0) } 1 .. 4;
    return [ $listener, @full ];
}

sub VcitaFlow::Code::gone {
    my ($seconds, @pids) = @_;
    VcitaFlow::Code::wait_for {
        !grep { -e "/proc/$_" && (VcitaFlow::_stat($_))[0] ne 'Z' } @pids
    } $seconds, 'processes to go';
}

# applications beside the usual one, each at an endpoint of its own
my @apps = (hang => 'http://hang-20.test/oauth/token', late => 'http://hang-2.test/oauth/token');
my $apps = '';
while (my ($name, $endpoint) = splice @apps, 0, 2) {
    $apps .= <<"CONF";
location /$name {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/$name/callback;
    vcita_oauth_cookie_name $name;
    vcita_oauth_token_endpoint $endpoint;
    proxy_pass \$VCITA_APP;
}
CONF
}

# nginx warns of endpoints without TLS
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(suppress_stderr => 1);
    $block->set_value(config => "location / { vcita_oauth on; proxy_pass \$VCITA_APP; }\n$apps") if !defined $block->config;
});

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: DNS that hangs: 504 in time, the worker answers all the while, other logins go on
--- alone
--- gate
vcita_oauth_connect_timeout 1s;
--- error_log
token endpoint "http://hang-20.test/oauth/token" did not respond in time
--- flow
begun('/')->come_back(code => stub_code);
no_gap_over(30, sub {
    my $crowd = callbacks_to('/hang', 40);
    $crowd->start;
    is begun('/')->come_back(code => stub_code)->status, 303, 'another login';
    my @r = $crowd->run;
    is scalar(grep { $_->status == 504 && $_->header('X-Error') eq 'timeout' } @r), 40, 'all are told';
    is scalar(grep { $_->seconds > 3 * VcitaLoop::scale() } @r), 0, 'in time';
});


=== TEST 2: DNS that hangs, and browsers that go away: the worker answers all the while, and does its work when the resolver comes back late
--- alone
--- flow
begun('/')->come_back(code => stub_code);
my $fds = nginx_fds;
no_gap_over(30, sub {
    my $crowd = callbacks_to('/late', 40);
    $crowd->start;
    my $until = Time::HiRes::time() + 0.3;
    $crowd->until(sub { $crowd->sent == 40 && Time::HiRes::time() > $until }, 10, 'all to be asked for');
    $crowd->abort_all;
    my $r = begun('/')->come_back(code => stub_code);
    is $r->status, 303, 'another login';
});
wait_for { nginx_fds() <= $fds } 15, 'the descriptors to go, when the resolver has come back';
is begun('/')->come_back(code => stub_code)->status, 303, 'the next login';


=== TEST 3: QUIT while a name is looked up: who waits is told, the worker exits clean
--- master_on
--- gate
vcita_oauth_connect_timeout 1s;
--- error_log
did not respond in time
--- flow
my $crowd = callbacks_to('/hang', 5);
$crowd->start;
$crowd->until(sub { $crowd->sent == 5 }, 10, 'all to be sent');
wait_for { nginx_fds() >= 10 } 5, 'the look-up to begin';
my ($old) = nginx_workers;
kill QUIT => $old;
my @r = $crowd->finish;
is scalar(grep { $_->status == 504 } @r), 5, 'all are told';
gone(5, $old);
wait_for { error_log() =~ /worker process $old exited with code 0/ } 5, 'the worker to exit clean';
wait_for { my $r = eval { browser()->get('/ping', soft => 1) }; $r && $r->status == 200 } 5, 'the next worker';
pass 'clean';


=== TEST 4: QUIT after browsers went away while a name is looked up: the worker exits clean, and at once
--- master_on
--- flow
for my $signal (qw( QUIT TERM )) {
    my $crowd = callbacks_to('/hang', 5);
    $crowd->start;
    my $until = Time::HiRes::time() + 0.3;
    $crowd->until(sub { $crowd->sent == 5 && Time::HiRes::time() > $until }, 10, 'all to be sent');
    $crowd->abort_all;
    my ($old) = nginx_workers;
    kill $signal => $old;
    gone(3, $old);
    wait_for { error_log() =~ /worker process $old exited with code 0/ } 5, 'the worker to exit clean';
    wait_for { my $r = eval { browser()->get('/ping', soft => 1) }; $r && $r->status == 200 } 5, 'the next worker';
    pass "clean: $signal";
}


=== TEST 5: the first address of vcita is dead, the second alive: logins go on
--- gate
vcita_oauth_connect_timeout 2s;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /hole {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/hole/callback;
    vcita_oauth_cookie_name hole;
    vcita_oauth_token_endpoint http://two.test:$TEST_NGINX_RAND_PORT_1/oauth/token;
    proxy_pass $VCITA_APP;
}
location /refused {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/refused/callback;
    vcita_oauth_cookie_name refused;
    vcita_oauth_token_endpoint http://two.test:$TEST_NGINX_RAND_PORT_2/oauth/token;
    proxy_pass $VCITA_APP;
}
--- http_config
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1; access_log off; location / { proxy_pass $VCITA_STUB; } }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2; access_log off; location / { proxy_pass $VCITA_STUB; } }
--- flow
my $hole = black_hole('127.0.0.2', rand_port(1));
for my $where ('/refused', '/hole') {
    my $r = begun($where)->come_back(code => stub_code);
    is $r->status, 303, "$where: in";
    cmp_ok $r->seconds, '<', 2 * VcitaLoop::scale(), sprintf "$where: after %.1f s", $r->seconds;
}


=== TEST 6: the clock jumps back an hour: sessions that now begin in the future end, logins and the pace go on; when it is right again, all is as it was
--- gate
vcita_oauth_rate 8r/s;
--- flow
my $in = browser();
is $in->visit('/page')->status, 200, 'in';
my $copy = $in->clone;
my $begun = begun('/begun');
my $many = sub { my $crowd = crowd; $crowd->add(browser(), GET => url("/page?of=$_"), follow => 1) for 1 .. 8; $crowd->run };
is scalar(grep { $_->status == 200 } $many->()), 8, 'the pace has something to remember';

clock(-3600);
my $r = $in->get('/page');
is $r->status, 302, 'a session that begins in an hour is none';
is scalar(grep { $_->status == 200 } $many->()), 8, 'logins go on at their pace';
is $in->follow->status, 200, 'and so does that browser';
sent_to_vcita;
answered($begun->come_back(code => stub_code), 302, 'state_expired', 'a login that began in an hour starts again');
is $begun->follow->status, 200, 'and succeeds';

clock(0);
is $in->get('/page')->status, 200, 'a session of an hour ago lives';
is $copy->get('/page')->status, 200, 'and so does the one from before';
is scalar(grep { $_->status == 200 } $many->()), 8, 'logins go on';


=== TEST 7: the clock jumps ahead by a day: sessions end, nobody gets in without, logins go on
--- gate
vcita_oauth_rate 8r/s;
--- flow
my $in = browser();
is $in->visit('/page')->status, 200, 'in';
$_->{until} = undef for $in->cookie_info('vcita_session');
my $begun = begun('/begun');

clock(86400);
is $in->get('/page')->status, 302, 'the session is over';
is $in->follow->status, 200, 'the next one begins';
sent_to_vcita;
answered($begun->come_back(code => stub_code), 302, 'state_expired', 'a login of yesterday starts again');
clock(0);


=== TEST 8: a silent name server, vcita_oauth_rate off: look-ups that were given up count as in flight, so a worker has 256 threads at most; when they end, logins go on
--- gate
vcita_oauth_connect_timeout 500ms;
--- error_log
requests to vcita are active in this worker
name look-ups are stuck, the login gets 503, check the name servers of this machine
--- flow
begun('/')->come_back(code => stub_code);
my $pid = nginx_pid;
my $threads = sub { scalar(() = glob "/proc/$pid/task/*") };
my $before = $threads->();

# time-outs, then browsers that go away
my @r = callbacks_to('/hang', 120)->run;
is scalar(grep { $_->status == 504 } @r), 120, 'all are told';
my $crowd = callbacks_to('/hang', 120);
$crowd->start;
$crowd->until(sub { $crowd->sent == 120 && $threads->() >= $before + 240 }, 10, 'all look-ups to begin');
$crowd->abort_all;

@r = callbacks_to('/hang', 120)->run;
my @busy = grep { $_->status == 503 } @r;
is scalar(@busy), 104, 'what is over 256 is refused';
is scalar(grep { $_->status == 504 } @r), 16, 'what is not, is not';
is scalar(grep { $_->header('X-Error') ne 'rate_limited' || !$_->header('Retry-After') } @busy), 0, 'with a time to come back';
is $threads->() - $before, 256, 'threads';

wait_for { begun('/')->come_back(code => stub_code)->status == 303 } 40, 'the first look-ups to end, and a login to succeed';
wait_for { $threads->() == $before } 40, 'the last ones to end';
@r = callbacks_to('/hang', 200)->run;
is scalar(grep { $_->status == 504 } @r), 200, 'nothing of it is left';
