# Operations under fire: reloads, a quit, a worker that is killed, no connections left, a full disk.
# What the outside world does (names, addresses, the clock) is in operations-2.t.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# nginx's own command line, for this block's configuration
sub VcitaFlow::Code::nginx_command {
    my (@args) = @_;
    my $root = VcitaFlow::servroot();
    my $status = system $ENV{TEST_NGINX_BINARY} || 'nginx', '-e', "$root/logs/error.log", '-p', "$root/",
        '-c', "$root/conf/nginx.conf", @args;
    return $status >> 8;
}

# callbacks of so many browsers, each with a code of its own that does the same; not yet started
sub VcitaFlow::Code::exchanges {
    my ($n, $do) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($_, GET => $_->callback_url(code => VcitaStub::stub_code($do))) for map { VcitaCheck::begun('/deep') } 1 .. $n;
    return $crowd;
}

sub VcitaFlow::Code::gone {
    my (@pids) = @_;
    VcitaFlow::Code::wait_for {
        !grep { -e "/proc/$_" && (VcitaFlow::_stat($_))[0] ne 'Z' } @pids
    } 15, 'processes to go';
}

# a connection that has sent some of a request and takes its time with the rest
sub VcitaFlow::Code::slow_client {
    my ($bytes) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => VcitaFlow::port()) or die "connect: $!";
    syswrite $s, $bytes;
    return $s;
}

# clients of that kind, until the log says that there is room for no more
sub VcitaFlow::Code::take_all {
    my ($words) = @_;
    my $seen = () = VcitaFlow::error_log() =~ /$words/g;
    my @held;
    until (@held == 100 || $seen < (() = VcitaFlow::error_log() =~ /$words/g)) {
        push @held, VcitaFlow::Code::slow_client("GET /ping HTTP/1.1\r\nHost: x\r\n");
        Time::HiRes::sleep(0.01);
    }
    return \@held;
}

# a callback whose last line is still missing
sub VcitaFlow::Code::waiting_callback {
    my $b = VcitaCheck::begun('/deep');
    my $to = VcitaHttp::url_split($b->callback_url(code => VcitaStub::stub_code()));
    return VcitaFlow::Code::slow_client("GET $to->{target} HTTP/1.1\r\nHost: $to->{authority}\r\nConnection: close\r\n"
        . 'Cookie: vcita_session_login=' . $b->cookie('vcita_session_login') . "\r\n");
}

# sends that line; all of the answer
sub VcitaFlow::Code::rest_of {
    my ($s) = @_;
    syswrite $s, "\r\n";
    my $all = '';
    1 while IO::Select->new($s)->can_read(10) && sysread $s, $all, 65536, length $all;
    return $all;
}

# what a worker that is killed while it has the lock of the pace leaves behind: its pid in the first word of the zone
sub VcitaFlow::Code::lock_pace {
    my ($pid) = @_;
    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    my ($zone) = map { /^([0-9a-f]+)-([0-9a-f]+) rw-s .*\/dev\/zero/ && hex($2) - hex($1) == 48 * 4096 ? hex $1 : () } <$maps>;
    defined $zone or die "no zone of 192 KiB in the worker\n";
    open my $mem, '+<', "/proc/$pid/mem" or die "mem: $!";
    sysseek $mem, $zone, 0;
    sysread $mem, my $word, 8;
    die "the zone is locked: " . unpack('Q', $word) . "\n" if unpack('Q', $word) != 0;
    sysseek $mem, $zone, 0;
    syswrite $mem, pack('Q', $pid);
}

# a session, and whether it is still one
sub VcitaFlow::Code::somebody {
    my $b = VcitaFlow::browser();
    my $r = $b->visit('/page');
    die 'no login: ' . $r->status . "\n" if $r->status != 200;
    return $b;
}

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: a hundred reloads under load: no login and no session is lost, nobody gets in without, the master does not grow
--- master_on
--- workers: 2
--- log_level: notice
--- flow
my $in = somebody;
my ($n, $reloads, $seconds) = (360, 100, 18);

my $logins = crowd;
for (1 .. $n) {
    my $code = { token => { delay => 0.2 }, userinfo => { delay => 0.2 } };
    $logins->add(VcitaBrowser->new(headers => [ 'X-Stub' => stub_code($code) ]), GET => url("/page?of=$_"), follow => 1,
        after => $seconds * $_ / $n);
}
my $pages = crowd;
$pages->add($in->tab, GET => url('/mine'), after => $seconds * $_ / $n) for 1 .. $n;
my $nobody = crowd;
$nobody->add(VcitaBrowser->new, GET => url('/secret'), after => $seconds * $_ / $n) for 1 .. $n;
$_->{loop} = $logins->{loop} for $pages, $nobody;
$_->start for $logins, $pages, $nobody;

# one after the other: signals that come too fast are one
my $master = nginx_pid;
my ($sent, $look, $rss) = (0, 0, 0);
$logins->until(sub {
    if ($sent < $reloads && Time::HiRes::time() > $look) {
        $look = Time::HiRes::time() + 0.02;
        if ((() = error_log() =~ /: start worker processes$/mg) > $sent) {
            nginx_signal('HUP');
            $rss = nginx_rss($master) if ++$sent == 20;
        }
    }
    return $sent == $reloads && !$logins->pending && !$pages->pending && !$nobody->pending;
}, 90, 'all logins and all reloads');

is scalar(grep { $_->status == 200 } $logins->answers), $n, 'every login ends at its page';
is scalar(grep { $_->status == 200 } $pages->answers), $n, 'every page of a session is there';
is scalar(grep { $_->status == 302 } $nobody->answers), $n, 'without a session it is off to vcita each time';

wait_for { (() = error_log() =~ /: start worker processes$/mg) == $reloads + 1 } 10, 'the last one';
pass 'all reloads took place';
wait_for { nginx_workers() == 2 } 20, 'the old workers to go';
is scalar(() = error_log() =~ /exited on signal/g), 0, 'none of them crashed';
my $grown = nginx_rss($master) - $rss;
cmp_ok $grown, '<', rss_limit(4096), "the master does not grow ($grown KiB)";
is $in->get('/page')->status, 200, 'the session lives';
sent_to_vcita;
answered(begun('/')->come_back(code => stub_code), 303, '', 'a new login', session => 1, sent => 'token userinfo');


=== TEST 2: nginx -s quit with exchanges in flight: they finish, then all processes exit clean; sessions outlive it
--- master_on
--- flow
my $in = somebody;
my $crowd = exchanges(20, { token => { hold => 1 } });
$crowd->start;
$crowd->until(sub { stub->exchanges == 20 }, 20, 'vcita to have all 20');
my ($master, @workers) = (nginx_pid, nginx_workers);

is nginx_command('-s', 'quit'), 0, 'nginx -s quit';
wait_for { error_log() =~ /\b$workers[0]#\d+: gracefully shutting down/ } 5, 'the worker to know';
ok -e "/proc/$workers[0]", 'the worker waits';
stub->release;
is scalar(grep { $_->status == 303 } $crowd->finish), 20, 'all are in';
gone($master, @workers);
like error_log(), qr/worker process $workers[0] exited with code 0/, 'the worker exits clean';

is nginx_command(), 0, 'nginx starts again';
wait_for { my $r = eval { browser()->get('/ping', soft => 1) }; $r && $r->status == 200 } 10, 'it to answer';
is $in->get('/page')->status, 200, 'the session lives';


=== TEST 3: a worker is killed in the midst of exchanges: the next one takes over, sessions live, nobody gets in without
--- master_on
--- error_log
[alert]
exited on signal 9
--- flow
my $in = somebody;
my $crowd = exchanges(20, { token => { hang => 1 } });
$crowd->start;
$crowd->until(sub { stub->exchanges == 20 }, 20, 'vcita to have all 20');
my ($old) = nginx_workers;
kill KILL => $old;
my @r = $crowd->finish;
is scalar(grep { $_->status == 0 } @r), 20, 'who waited gets no answer';
wait_for { my ($new) = nginx_workers; $new && $new != $old } 10, 'the next worker';
is $in->get('/page')->status, 200, 'the session lives';
is browser()->get('/page')->status, 302, 'without one it is off to vcita';
sent_to_vcita;
answered(begun('/')->come_back(code => stub_code), 303, '', 'a login', session => 1, sent => 'token userinfo');


=== TEST 4: a worker is killed while it has the lock of the pace: the lock is not held for ever, logins go on
--- master_on
--- workers: 2
--- gate
vcita_oauth_rate 100r/s;
--- error_log
[alert]
shared memory zone "vcita_oauth" was locked by
--- flow
somebody;
my ($first) = nginx_workers;
lock_pace($first);

# whoever wants a slot waits for the lock
my $crowd = exchanges(4);
$crowd->start;
my $until = Time::HiRes::time() + 0.5;
$crowd->until(sub { Time::HiRes::time() > $until }, 5, 'them to try');
is $crowd->pending, 4, 'with the lock held nobody is in';

kill KILL => $first;
my @r = $crowd->finish;
is scalar(grep { $_->status != 0 && $_->status != 303 } @r), 0, 'they are in, or were with the worker that was killed';
wait_for { error_log() =~ /was locked by $first/ } 5, 'the master to say so';
wait_for { nginx_workers() == 2 } 10, 'the next worker';
@r = exchanges(20)->run;
is scalar(grep { $_->status == 303 } @r), 20, 'logins go on';


=== TEST 5: worker_connections exhausted: the callback gets a clean error, then goes on; later it needs none of its own
--- worker_connections: 20
--- error_log
[alert]
20 worker_connections are not enough
--- flow
my $c = waiting_callback();
my $held = take_all(qr/worker_connections are not enough/);
my $r = rest_of($c);
like $r, qr{^HTTP/1\.1 503 }, 'no connection for the first exchange of this worker: 503';
like $r, qr{^Retry-After: [1-9]\r$}m, 'which says when to try again';
like $r, qr{^X-Error: rate_limited\r$}m, 'and why';
is sent_to_vcita(), '', 'nothing was sent to vcita';

undef $held;
wait_for { my $b = eval { begun('/deep') }; $b && $b->come_back(code => stub_code)->status == 303 } 10, 'connections to be free';
pass 'then it goes on';
sent_to_vcita;

$c = waiting_callback();
$held = take_all(qr/worker_connections are not enough/);
like rest_of($c), qr{^HTTP/1\.1 303 }, 'a worker that has made an exchange needs no connection for the next';
is sent_to_vcita(), 'token userinfo', 'which took place';


=== TEST 6: no file descriptors left: a login gets a clean error, then goes on
--- master_on
--- main_config
worker_rlimit_nofile 40;
--- error_log
Too many open files
--- flow
somebody;
sent_to_vcita;
for (1 .. 2) {
    my $c = waiting_callback();
    my $held = take_all(qr/accept4\(\) failed \(24: Too many open files\)/);
    my $r = rest_of($c);
    like $r, qr{^HTTP/1\.1 50[23] }, 'an error';
    like $r, qr{^X-Error: (?:unreachable|rate_limited)\r$}m, 'that says why';
    is sent_to_vcita(), '', 'nothing was sent to vcita';
    undef $held;
    wait_for { my $b = eval { begun('/deep') }; $b && $b->come_back(code => stub_code)->status == 303 } 10, 'descriptors to be free';
    sent_to_vcita;
}
is scalar(() = error_log() =~ /exited on signal/g), 0, 'no worker crashed';


=== TEST 7: an error log on a full disk: errors are answered as ever, logins go on
--- http_config
error_log /dev/full info;
--- flow
my $in = somebody;
sent_to_vcita;
for (1 .. 20) {
    answered(begun('/')->come_back(code => stub_code({ token => { status => 401, json => { error => 'invalid_client' } } })), 502,
        'invalid_client', "error $_", sent => 'token');
    answered(browser()->get('/oauth/callback?code=x&state=y'), 400, 'invalid_state', "forged $_");
}
answered(begun('/')->come_back(code => stub_code), 303, '', 'a login', session => 1, sent => 'token userinfo');
is $in->get('/page')->status, 200, 'the session lives';
