# Sessions in a Redis whose master is named by Sentinels: real ones, and some that lie.

use lib 't/lib';
use VcitaSentinel;
use VcitaTest;
use VcitaCheck;

my $GATED = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; } location = /logout { vcita_oauth_logout; }';

# a browser that is in
sub VcitaFlow::Code::logged_in {
    my $b = VcitaCheck::begun('/');
    my $r = $b->come_back(code => VcitaStub::stub_code());
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

sub VcitaFlow::Code::try_login {
    return VcitaCheck::begun('/')->come_back(code => VcitaStub::stub_code())->status;
}

# the status of / with a session's cookie
sub VcitaFlow::Code::with { return VcitaFlow::browser()->get('/', headers => [ Cookie => "vcita_session=$_[0]" ])->status }

# the store is looked for anew
sub VcitaFlow::Code::cut { VcitaSentinel::server($_[0])->command(qw( CLIENT KILL TYPE normal )) }

# no worker remembers what it has read
sub VcitaFlow::Code::a_second_later {
    my $end = VcitaLoop::now() + 1.1;
    VcitaFlow::Code::wait_for { VcitaLoop::now() > $end } 5, 'a second';
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => $GATED);
    $block->set_value(no_error_log => "[alert]\n[emerg]");
    my $gate = $block->gate // '';
    $gate .= "\nvcita_oauth_session_store redis+sentinel://\$TEST_NGINX_SENTINELS/mymaster timeout=1s connect_timeout=1s;\n"
        if $gate !~ /vcita_oauth_session_store/;
    $block->set_value(gate => $gate);
    $block->set_value(flow => VcitaSentinel::begin() . ' ' . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: session_store redis+sentinel: a session is at the master that the Sentinels name
--- flow
group();
my $b;
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
$b = logged_in();
is $b->get('/')->status, 200, 'in';
is scalar(server(1)->keys('vcita:*')), 1, 'at the master';
is $b->get('/logout')->status, 200, 'out';
is scalar(server(1)->keys('vcita:*')), 0, 'at the master, too';


=== TEST 2: Sentinel: the master is killed: 503 no longer than the failover and two seconds, then its sessions, without a reload
--- alone
--- flow
group();
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
my @workers = nginx_workers;
my $b = logged_in();
my $id = $b->cookie('vcita_session');
wait_for { server(2)->keys('vcita:*') == 1 } 5, 'the replica has the session';
server(1)->kill;
a_second_later();
is with($id), 503, 'never a pass';
is promoted(1), 2, 'the replica is promoted';
wait_for { with($id) == 200 } 2, 'the session is good again';
logged_in();
is_deeply [ nginx_workers ], \@workers, 'no reload';


=== TEST 3: Sentinel: a failover by hand, and no login is lost to the old master
--- flow
group();
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
my $b = logged_in();
wait_for { server(2)->keys('vcita:*') == 1 } 5, 'the replica has the session';
sentinel(1)->command(qw( SENTINEL FAILOVER mymaster ));
is promoted(1), 2, 'promoted';
wait_for { server(1)->command('ROLE')->[0] eq 'slave' } 20, 'the old master is a replica';
is try_login(), 303, 'a login';
is with($b->cookie('vcita_session')), 200, 'a session from before';


=== TEST 4: Sentinel: sentinel_user and sentinel_password are those of the Sentinels, user and password those of the server
--- gate
vcita_oauth_session_store redis+sentinel://:of-the-server@$TEST_NGINX_SENTINELS/mymaster/3 sentinel_user=watcher sentinel_password=of-sentinels;
--- flow
group(auth => ['of-the-server'], config => [qw( --requirepass of-the-server --masterauth of-the-server )],
    sentinels => { auth => ['of-all'], lines => [ 'requirepass of-all', 'sentinel sentinel-pass of-all',
        'sentinel auth-pass mymaster of-the-server', 'user watcher on >of-sentinels -@all +sentinel|get-master-addr-by-name' ] });
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
my $b = logged_in();
is $b->get('/')->status, 200, 'in';
server(1)->command(SELECT => 3);
is scalar(server(1)->keys('vcita:*')), 1, 'in the database of the URL';
unlike error_log, qr/of-the-server|of-sentinels|of-all/, 'no password in the log';


=== TEST 5: Sentinel: a password that is missing or wrong, a user without the right: 503, and the log says which
--- gate
vcita_oauth_session_store redis+sentinel://$TEST_NGINX_SENTINELS/mymaster sentinel_password=of-sentinels timeout=500ms connect_timeout=500ms;
--- flow
return pass 'the log repeats itself after ten seconds only' if round;
server(1);
fake_redis(at => "127.0.0.2$_->[0]:" . (split /:/, $ENV{TEST_NGINX_SENTINELS})[-1], AUTH => $_->[1], SENTINEL => $_->[2])
    for [ 1, "-WRONGPASS invalid username-password pair\r\n", "*-1\r\n" ], [ 2, "+OK\r\n", "-NOPERM no permissions of-sentinels\r\n" ],
        [ 3, "+OK\r\n", "-NOAUTH Authentication required.\r\n" ];
is try_login(), 503, 'no master';
my $log = error_log;
like $log, qr/Sentinel "127\.0\.0\.21:\d+" of vcita_oauth_session_store "redis\+sentinel:[^"]*" replied with WRONGPASS: it rejects sentinel_user= or/, '1';
like $log, qr/Sentinel "127\.0\.0\.22:\d+" of .* replied with NOPERM: its user needs \+sentinel\|get-master-addr-by-name/, '2';
like $log, qr/Sentinel "127\.0\.0\.23:\d+" of .* replied with NOAUTH: it requires a password, set sentinel_password=/, '3';
unlike $log, qr/of-sentinels/, 'no password';


=== TEST 6: rediss+sentinel: Sentinels and the master by TLS, verified by the address that was connected to
--- gate
vcita_oauth_session_store rediss+sentinel://$TEST_NGINX_TLS_SENTINELS/mymaster ca=$VCITA_CA;
--- flow
group(tls => 1);
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
my $b = logged_in();
is $b->get('/')->status, 200, 'in';
is scalar(server(1)->keys('vcita:*')), 1, 'at the master';


=== TEST 7: rediss+sentinel with a wrong CA: no Sentinel is asked
--- gate
vcita_oauth_session_store rediss+sentinel://$TEST_NGINX_TLS_SENTINELS/mymaster ca=$VCITA_CA_OTHER;
--- flow
return pass 'the log repeats itself after ten seconds only' if round;
server(1, tls => 1);
sentinel(1, tls => 1);
is try_login(), 503, 'not there';
like error_log, qr/the certificate of "127\.0\.0\.21" was rejected.*Sentinel "127\.0\.0\.21:\d+" of/, 'the log says it';


=== TEST 8: Sentinels that lie: a replica, garbage, nil, an address of nothing: the server itself has to say that it is the master
--- flow
server(1);
server(2, of => 1);
liar($_) for 1 .. 3;
says(1, names(1));
for ([ 'a replica' => names(2) ], [ 'nil' => "*-1\r\n" ], [ 'nothing there' => names(3) ], [ 'an error' => "-ERR no\r\n" ],
     [ 'no RESP' => "HTTP/1.1 200 OK\r\n\r\n" ], [ 'a text' => "+OK\r\n" ], [ 'a number' => ":1\r\n" ], [ 'one' => VcitaSentinel::words('127.0.0.11') ],
     [ 'three' => VcitaSentinel::words('127.0.0.11', '1', '2') ], [ 'nested' => "*2\r\n*1\r\n\$1\r\na\r\n*1\r\n\$1\r\n1\r\n" ], [ 'empty' => "*0\r\n" ],
     (map { [ "port $_" => VcitaSentinel::words('127.0.0.11', $_) ] } 0, 65536, '', 'x', '-1'), [ 'no host' => VcitaSentinel::words('', 6379) ],
     (map { [ 'a host' => VcitaSentinel::words($_, 6379) ] } "a\0b", "a\r\nb", 'a/b', 'a' x 256, '0.0.0.0', '255.255.255.255', 'no.such.host.invalid'),
     [ 'too long' => VcitaSentinel::words('a' x 70000, 1) ], [ 'cut' => "*2\r\n\$10\r\n127.<close>" ], [ 'closed' => 'close' ], [ 'silent' => 'hang' ])
{
    my ($what, $lie) = @$_;
    says($_, $lie) for 2, 3;
    my $status;
    wait_for { ($status = try_login()) != 503 } 10, "$what: a login";
    is $status, 303, "$what: at the master";
    cut(1);
}


=== TEST 9: Sentinels that are down or all lie: the master that is known stays
--- flow
server(1);
server(2, of => 1);
liar($_, names(1)) for 1 .. 3;
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
is try_login(), 303, 'known';
for my $answer (names(2), names(3), "*-1\r\n") {
    no_liars();
    liar($_, $answer) for 1 .. 3;
    cut(1);
    wait_for { try_login() == 303 } 5, 'known still';
}
no_liars();
liar(3, names(1));
cut(1);
wait_for { try_login() == 303 } 5, 'two of three are down';
no_liars();
cut(1);
wait_for { try_login() == 303 } 5, 'all are down';


=== TEST 10: Sentinels that disagree: the master that is known stays as long as it says so; a majority names another
--- flow
server(1);
server(2, of => 1);
liar($_) for 1 .. 3;
says($_, names(1)) for 1 .. 3;
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
my $id = logged_in()->cookie('vcita_session');

# not earlier: it may be the known master of the round before
server(3);
says(1, names(3));
says(2, names(2));
cut(1);
a_second_later();
wait_for { with($id) != 503 } 5, 'no majority';
is with($id), 200, 'the known master';
like error_log, qr/the Sentinels of vcita_oauth_session_store "redis\+sentinel:[^"]*" name different masters and none has a majority/, 'the log says it'
    if !round;

server(2)->command(qw( REPLICAOF NO ONE ));
server(1)->command(REPLICAOF => '127.0.0.12', server(2)->{port});
says(3, "*-1\r\n");
says(1, names(1));
cut(1);
a_second_later();
wait_for { with($id) == 200 && try_login() == 303 } 5, 'it is a replica now: the other';
is server(1)->command('ROLE')->[0], 'slave', 'which is not the known one';

says($_, names(3)) for 1, 2;

# on a busy machine one of the two may be late, and then there is no majority
for (1 .. 5) {
    cut(2);
    a_second_later();
    wait_for { with($id) != 503 } 5, 'a majority';
    last if with($id) == 302;
}
is with($id), 302, 'names another server, which has no session';


=== TEST 11: Sentinel: none at start: 503 until one answers, and the log says why
--- flow
server(1);
my $status = try_login();
is $status, 503, 'no Sentinel' if !round;
like error_log, qr/session_store "redis\+sentinel:[^"]*" has no address, because no Sentinel names a master; requests that need it get 503/, 'the log says it'
    if !round;
liar(2, names(1));
wait_for { try_login() == 303 } 5, 'one that answers';
is try_login(), 303, 'and from then on';


=== TEST 12: Sentinel: host names, of a Sentinel and of the master, are looked up
--- gate
vcita_oauth_session_store redis+sentinel://localhost:$TEST_NGINX_FAKE_PORT,no.such.host.invalid/mymaster;
--- flow
redis->start;
redis->command('FLUSHALL');
fake_redis(SENTINEL => VcitaSentinel::words('localhost', $ENV{TEST_NGINX_REDIS_PORT}));
wait_for { try_login() == 303 } 10, 'a login';
is scalar(redis->keys('vcita:*')), 1, 'at the master';


=== TEST 13: Sentinel: a worker of a reload asks the Sentinels, too, while the one before still searches
--- master_on
--- flow
group();
wait_for { with('A' x 43) == 302 } 10, 'the store of this round';
my $b = logged_in();
for (1 .. 2) {
    cut(1);
    nginx_reload;
    wait_for { with($b->cookie('vcita_session')) == 200 } 10, "in after reload $_";
    is try_login(), 303, 'a login';
}
wait_for { server(2)->keys('vcita:*') >= 3 } 5, 'the replica has them';
sentinel(1)->command(qw( SENTINEL FAILOVER mymaster ));
is promoted(1), 2, 'promoted';
wait_for { with($b->cookie('vcita_session')) == 200 && try_login() == 303 } 20, 'the new master, without another reload';
