# Redis that fails over: the master is killed, frozen, demoted, or its name moves.  Real servers, on loopback.

use lib 't/lib';
use VcitaServers;
use VcitaTest;
use VcitaCheck;
use VcitaLoop ();

my $GATED = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; } location = /logout { vcita_oauth_logout; }';
my $STORE = 'timeout=500ms connect_timeout=500ms';

# where the names of all blocks lead when nginx starts
VcitaServers::name_is($_ => '127.0.0.3 127.0.0.4') for qw( pair );
VcitaServers::name_is($_ => '127.0.0.3') for qw( one );
VcitaServers::name_is(late => '');

sub VcitaFlow::Code::logged_in {
    my $b = VcitaCheck::begun('/');
    my $r = $b->come_back(code => VcitaStub::stub_code());
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

sub VcitaFlow::Code::ids { my ($n) = @_; return map { VcitaFlow::Code::logged_in()->cookie('vcita_session') } 1 .. $n }

sub VcitaFlow::Code::with {
    my ($id, %opt) = @_;
    return VcitaFlow::browser()->get($opt{url} // '/', headers => [ Cookie => "vcita_session=$id" ]);
}

# one at a time, so that each is read: what a worker has just read it keeps for a second
sub VcitaFlow::Code::statuses { join ' ', map { VcitaFlow::Code::with($_)->status } @_ }

sub VcitaFlow::Code::a_second_later {
    my $end = VcitaLoop::now() + 1.1;
    VcitaFlow::wait_for { VcitaLoop::now() > $end } 5, 'a second';
}

# the seconds until a session that nobody has asked for lately is good again
sub VcitaFlow::Code::seconds_until_good {
    my ($id) = @_;
    my $start = VcitaLoop::now();
    VcitaFlow::wait_for(sub { VcitaFlow::Code::with($id)->status == 200 }, 20, 'a session to be good');
    return VcitaLoop::now() - $start;
}

# the replica has all that the master has
sub VcitaFlow::Code::same {
    my ($master, $replica) = @_;
    VcitaFlow::wait_for(sub { "@{[ $master->keys ]}" eq "@{[ $replica->keys ]}" }, 10, 'the replica to have all');
}

add_block_preprocessor(sub {
    my ($block) = @_;
    (my $config = 'keepalive_requests 1000000; ' . ($block->config // $GATED)) =~ s/STORE;/$STORE;/g;
    $block->set_value(config => $config);
    my $gate = $block->gate // '';
    $gate .= "\nvcita_oauth_session_store redis://pair.hosts.test:\$TEST_NGINX_SERVERS_PORT $STORE;\n"
        if $gate !~ /vcita_oauth_session_store/;
    $gate =~ s/STORE;/$STORE;/g;
    $block->set_value(gate => $gate);

    # the log repeats itself after ten seconds only
    $block->set_value(no_error_log => join "\n", '[alert]', '[emerg]') if !defined $block->no_error_log;
    $block->set_value(flow => "return pass 'once is enough' if round; " . VcitaServers::begin() . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: the master is killed: 503 until the replica is promoted and two seconds at most, then its sessions are good, and an end stays one
--- flow
my $a = server_at('127.0.0.3');
my $b = server_at('127.0.0.4', of => $a);
my ($out, @in) = ids(6);
is with($out, url => '/logout')->status, 200, 'a logout';
same($a, $b);
my @workers = nginx_workers;

a_second_later();
$a->kill;
is with($in[0])->status, 503, 'no master: 503, not a replica';
is $b->calls('get'), 0, 'which is not read from';
$b->promote;
my $took = seconds_until_good($in[0]);
cmp_ok $took, '<', 2 * VcitaLoop::scale(), sprintf 'after %.2f s it goes on', $took;
is statuses(@in), '200 200 200 200 200', 'all sessions are good';
is with($out)->status, 302, 'the end stays one';
logged_in();
is_deeply [ nginx_workers ], \@workers, 'without a reload';
like error_log(), qr{session_store "redis://pair\.hosts\.test:\d+" has no master at its addresses, requests that need it}, 'the log says it';
like error_log(), qr{"redis://pair\.hosts\.test:\d+" is reachable again}, 'and that it is over';


=== TEST 2: the master is frozen with 500 requests in flight: none waits longer than timeout, and the worker does all else meanwhile
--- alone
--- worker_connections: 4096
--- log_level: warn
--- http_config
log_format seconds '$status $request_time';
access_log logs/seconds.log seconds;
--- flow
my $slowest = sub {
    open my $log, '<', servroot() . '/logs/seconds.log' or die "seconds.log: $!";
    my @s = sort { $b <=> $a } map { /^503 (\S+)/ ? $1 : () } <$log>;
    truncate servroot() . '/logs/seconds.log', 0;
    return (scalar(@s), $s[0]);
};
my $a = server_at('127.0.0.3');
my $b = server_at('127.0.0.4', of => $a);
my @in = ids(4);
same($a, $b);

# what blocks a worker does so each time; what else runs on this machine does not
my ($p, $late, $n);

# five hundred answers in one turn are the longest that the worker does; sanitizers make them slower than all else
my $most = 30 * VcitaLoop::scale() * ($ENV{ASAN_OPTIONS} ? 3 : 1);
VcitaLoop::come_first(nginx_pid);
for (1 .. 6) {
    wait_for { statuses(@in) eq '200 200 200 200' } 10, 'sessions to be good';
    a_second_later();
    $slowest->();
    my $probe = probe(undef, nginx_pid);
    $a->pause;
    my $crowd = crowd();
    $crowd->add(browser(), GET => url('/'), headers => [ Cookie => sprintf 'vcita_session=%040dAAA', $_ ]) for 1 .. 500;
    my @r = $crowd->run;
    is scalar(grep { $_->status == 503 } @r), 500, '500 times 503';
    ($n, $late) = $slowest->();
    is $n, 500, 'in the log';
    $p = $probe->stop;
    is $p->{error}, undef, 'the probe';
    $a->resume;
    last if $p->{max_own_ms} < $most && $late < VcitaLoop::scale();
}
cmp_ok $late, '<', VcitaLoop::scale(), "the last after $late s";
cmp_ok $p->{max_own_ms}, '<', $most, "no gap over 30 ms: $p->{max_own_ms}";
is $b->calls('get'), 0, 'the replica was not read from';

$a->pause;
is with('A' x 43)->status, 503, 'frozen';
$b->promote;
my $took = seconds_until_good($in[0]);
cmp_ok $took, '<', 2 * VcitaLoop::scale(), sprintf 'after %.2f s it goes on', $took;
is statuses(@in), '200 200 200 200', 'all sessions are good';

# when it wakes up it still believes to be the master
$a->resume;
a_second_later();
my $before = $a->calls('get');
is statuses(@in), '200 200 200 200', 'good';
is $a->calls('get'), $before, 'the old master gets no more commands';


=== TEST 3: the master is demoted while people log in: no login is lost to READONLY
--- log_level: warn
--- flow
my $a = server_at('127.0.0.3');
my $b = server_at('127.0.0.4', of => $a);
my @in = ids(2);
same($a, $b);

my @b = map { begun('/') } 1 .. 20;
$b->promote;
$a->demote($b);
my $crowd = crowd();
$crowd->add($_, GET => $_->callback_url(code => stub_code)) for @b;
my @r = $crowd->run;
is scalar(grep { $_->status == 303 } @r), 20, 'all are in';
is statuses(map { $_->cookie('vcita_session') } @b), join(' ', (200) x 20), 'with a session';
is scalar($b->keys), 22, 'at the new master';
like error_log(), qr{replied with READONLY: it is a replica, name the master or}, 'the log says it';

# a logout, too, and back again
same($b, $a);
a_second_later();
$a->promote;
$b->demote($a);
is with($in[0], url => '/logout')->status, 200, 'a logout';
is scalar($a->keys), 21, 'has ended it';
is statuses(@in), '302 200', 'out';


=== TEST 4: a demoted master that lags behind is not read from: an end that the new master has stays one
--- flow
my $a = server_at('127.0.0.3');
my $b = server_at('127.0.0.4', of => $a);
my ($out, $in) = ids(2);
same($a, $b);

$b->promote;
$a->command(qw( REPLICAOF 127.0.0.9 1 ));
my ($key) = map { 'vcita:' . Digest::SHA::sha256_hex(MIME::Base64::decode_base64url($_)) } $out;
is $b->command(DEL => $key), 1, 'ended elsewhere';
is $a->command(EXISTS => $key), 1, 'which the demoted one does not know';

# nothing is written meanwhile
my $start = VcitaLoop::now();
wait_for { with($out)->status == 302 } 10, 'out';
cmp_ok VcitaLoop::now() - $start, '<', 4 * VcitaLoop::scale(), 'within a few seconds';
is with($in)->status, 200, 'the other is in';
is with($out)->status, 302, 'still out';
cmp_ok $b->calls('get'), '>', 0, 'the new master is asked';
like error_log(), qr{is not the master any more, looking for the master}, 'the log says it';


=== TEST 5: the only address is a replica: what has refused a write is not read from until it is the master
--- gate
vcita_oauth_session_store redis://127.0.0.3:$TEST_NGINX_SERVERS_PORT STORE;
--- flow
my $a = server_at('127.0.0.3');
my ($in) = ids(1);
is with($in)->status, 200, 'in';
$a->command(qw( REPLICAOF 127.0.0.9 1 ));
a_second_later();
my $r = begun('/')->come_back(code => stub_code);
is $r->status, 503, 'a login has nowhere to go';
is with($in)->status, 503, 'nor is it read from';
a_second_later();
is with($in)->status, 503, 'nor later';
$a->promote;
seconds_until_good($in);
logged_in();
like error_log(), qr{READONLY}, 'the log says it';


=== TEST 6: LOADING, MASTERDOWN: the next address at once, for reads and for writes
--- gate
vcita_oauth_session_store redis://pair.hosts.test:$TEST_NGINX_SERVERS_PORT STORE;
--- flow
my $b = server_at('127.0.0.4');
for my $says ("-LOADING Redis is loading the dataset in memory\r\n", "-MASTERDOWN Link with MASTER is down\r\n") {
    my $f = fake_redis(at => "127.0.0.3:$ENV{TEST_NGINX_SERVERS_PORT}", SET => $says, GET => $says, DEL => $says);

    # it is connected to when the other goes
    $b->stop;
    wait_for { with('A' x 43)->status == 503 && $f->asked('CONNECTED') } 10, 'a connection to it';
    $b->start;
    wait_for { with('A' x 43)->status == 302 } 10, 'and to the other, when it says so';
    my ($in) = ids(1);
    is with($in)->status, 200, 'in';
    is with($in, url => '/logout')->status, 200, 'out';
    $f->end;
}
like error_log(), qr{replied with (LOADING|MASTERDOWN)}, 'the log says it';


=== TEST 7: the name moves: it is looked up at the next connection after a failure; while it cannot be, the known address is tried
--- gate
vcita_oauth_session_store redis://one.hosts.test:$TEST_NGINX_SERVERS_PORT STORE;
--- flow
my $a = server_at('127.0.0.3');
my $c = server_at('127.0.0.5', of => $a);
my @in = ids(3);
same($a, $c);
my @workers = nginx_workers;

$c->promote;
$a->kill;
a_second_later();
is with($in[0])->status, 503, 'killed';
name_is(one => '127.0.0.5');
my $took = seconds_until_good($in[0]);
cmp_ok $took, '<', 2 * VcitaLoop::scale(), sprintf 'after %.2f s it goes on', $took;
is statuses(@in), '200 200 200', 'all sessions are good';

name_is(one => '');
$c->kill;
a_second_later();
is with($in[0])->status, 503, 'killed, and the name does not resolve';
$c->start;
wait_for { with($in[0])->status == 302 } 10, 'the known address';
is_deeply [ nginx_workers ], \@workers, 'without a reload';


=== TEST 8: a resolver that hangs holds up nothing: neither the worker, nor the known address, nor a reload
--- alone
--- master_on
--- gate
vcita_oauth_session_store redis://one.hosts.test:$TEST_NGINX_SERVERS_PORT STORE;
--- flow
name_is(one => '127.0.0.3');
my $a = server_at('127.0.0.3');
my $p;
VcitaLoop::come_first(nginx_workers);
for (1 .. 3) {
    name_is(one => '127.0.0.3');
    wait_for { with('A' x 43)->status == 302 } 20, 'an answer';
    name_is(one => 'hang-20');
    my ($worker) = nginx_workers;
    my $probe = probe(undef, $worker);
    $a->stop;
    is with('A' x 43)->status, 503, 'gone' for 1 .. 3;
    $a->start;
    my $start = VcitaLoop::now();
    wait_for { with('A' x 43)->status == 302 } 10, 'the known address';
    cmp_ok VcitaLoop::now() - $start, '<', 3 * VcitaLoop::scale(), 'is used meanwhile';
    $p = $probe->stop;
    is $p->{error}, undef, 'the probe';

    # a look-up is under way
    name_is(one => '127.0.0.3');
    my %old = map { $_ => 1 } nginx_reload;
    wait_for { !grep { $old{$_} } nginx_workers } 10, 'the old worker to go';
    last if $p->{max_own_ms} < 30 * VcitaLoop::scale();
}
cmp_ok $p->{max_own_ms}, '<', 30 * VcitaLoop::scale(), "no gap over 30 ms: $p->{max_own_ms}";
name_is(one => '127.0.0.3');


=== TEST 9: a name that does not resolve when nginx starts is a warning; 503 until it does
--- gate
vcita_oauth_session_store redis://late.hosts.test:$TEST_NGINX_SERVERS_PORT STORE;
--- flow
my $a = server_at('127.0.0.3');
is with('A' x 43)->status, 503, 'no address';
like error_log(), qr{"late\.hosts\.test" could not be resolved: \S.*vcita_oauth_session_store "redis://late}, 'the log says why';
like error_log(), qr{has no address, its host name cannot be resolved; requests that need it get 503}, 'the log says it';
name_is(late => '127.0.0.3');
wait_for { with('A' x 43)->status == 302 } 10, 'it resolves';
logged_in();


=== TEST 10: a busy master is waited for: its time-out moves nobody to a replica
--- flow
my $a = server_at('127.0.0.3');
my $b = server_at('127.0.0.4', of => $a);
my ($in) = ids(1);
same($a, $b);
a_second_later();
$b->command(qw( CONFIG RESETSTAT ));
$a->pause;
is with($in)->status, 503, 'busy';
a_second_later();
is with($in)->status, 503, 'still';
$a->resume;
seconds_until_good($in);
is $b->calls('get'), 0, 'the replica is not read from';


=== TEST 11: rediss with a client certificate: a server that requires one lets it in, and nothing else
--- gate
vcita_oauth_session_store rediss://127.0.0.1:$TEST_NGINX_REDIS_TLS_PORT ca=$VCITA_CA cert=$VCITA_CERT key=$VCITA_CERT_KEY STORE;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /none/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/none/callback;
    vcita_oauth_cookie_name none;
    vcita_oauth_session_store rediss://127.0.0.1:$TEST_NGINX_REDIS_TLS_PORT ca=$VCITA_CA STORE;
}
--- flow
VcitaRedis->fresh;
redis->command(qw( CONFIG SET tls-auth-clients yes ));
my ($in) = ids(1);
a_second_later();
is with($in)->status, 200, 'in';
is browser()->get('/none/', headers => [ Cookie => 'none=' . 'A' x 43 ])->status, 503, 'without a certificate';
redis->command(qw( CONFIG SET tls-auth-clients no ));


=== TEST 12: a node of a cluster, a Sentinel: 503, and the log says what to do
--- gate
vcita_oauth_session_store redis://127.0.0.3:$TEST_NGINX_SERVERS_PORT STORE;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /sentinel/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/sentinel/callback;
    vcita_oauth_cookie_name sentinel;
    vcita_oauth_session_store redis://127.0.0.4:$TEST_NGINX_SERVERS_PORT STORE;
}
--- flow
server_at('127.0.0.3', with => [ '--cluster-enabled' => 'yes' ]);
is with('A' x 43)->status, 503, 'a cluster';
like error_log(), qr{127\.0\.0\.3:\d+" is a node of a cluster, which is not supported; name a server whose cluster-enabled is no}, 'the log says it';

my $f = fake_redis(at => "127.0.0.4:$ENV{TEST_NGINX_SERVERS_PORT}", HELLO => "*4\r\n\$4\r\nmode\r\n\$8\r\nsentinel\r\n\$5\r\nproto\r\n:2\r\n");
is browser()->get('/sentinel/', headers => [ Cookie => 'sentinel=' . 'A' x 43 ])->status, 503, 'a Sentinel';
like error_log(), qr{127\.0\.0\.4:\d+" is a Sentinel, use redis\+sentinel://}, 'the log says it';


=== TEST 13: the reply to HELLO: hostile ones are 503, one that is unknown is let through
--- gate
vcita_oauth_session_store redis://one.hosts.test:$TEST_NGINX_SERVERS_PORT STORE;
--- flow
name_is(one => '127.0.0.3');
my $at = "127.0.0.3:$ENV{TEST_NGINX_SERVERS_PORT}";
my $replica = "*4\r\n\$4\r\nrole\r\n\$7\r\nreplica\r\n\$7\r\nmodules\r\n*1\r\n*2\r\n+a\r\n:1\r\n";
for ([ "-ERR unknown command\r\n" => 302 ], [ "-NOPERM no\r\n" => 302 ], [ "+OK\r\n" => 302 ], [ "*0\r\n" => 302 ],
     [ "*2\r\n\$4\r\nrole\r\n\$6\r\nmaster\r\n" => 302 ], [ $replica => 503 ], [ "*2\r\n\$4\r\nrole\r\n\$6\r\nmastex\r\n" => 503 ],
     [ "*2000000000\r\n" . "+x\r\n" x 2000 => 503 ], [ "*1025\r\n" . ":1\r\n" x 1025 => 503 ], [ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n" => 503 ],
     [ "*2\r\n\$4\r\nrole\r\n" => 503 ], [ "*1\r\n+" . 'x' x 70000 => 503 ])
{
    my ($says, $status) = @$_;
    (my $name = substr $says, 0, 30) =~ s/[^ -~]+/./g;
    my $f = fake_redis(at => $at, HELLO => $says);
    wait_for { with('A' x 43)->status == $status && $f->asked('HELLO') } 10, "$status: $name";
    is with('A' x 43)->status, $status, $name;
    $f->end;
}


=== TEST 14: nobody sees that another address serves: the status page counts a failover once, whatever the number of workers
--- master_on
--- workers: 2
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; add_header X-Pid $pid always; }
location = /status { vcita_oauth_status; }
--- flow
VcitaRedis->fresh;                             # ends the fake servers of the block before
my $a = server_at('127.0.0.3');
my $b = server_at('127.0.0.4', of => $a);
my ($id) = ids(1);
same($a, $b);
my $metric = sub { my ($n) = browser()->get('/status')->body =~ /^vcita_oauth_store_$_[0]\{[^}]*\} (\d+)$/m; return $n };
my $both = sub {
    my ($what) = @_;
    my %worker;
    wait_for { my $r = with($id); $worker{ $r->header('X-Pid') } = 1 if $r->status == 200; keys %worker == 2 } 20, $what;
};
$both->('both workers');
is $metric->('failovers_total'), 0, 'none';
my $reconnects = $metric->('reconnects_total');

$a->kill;
wait_for { with($id)->status == 503 } 10, 'no master';
$b->promote;
$both->('both workers, at the new master');
wait_for { $metric->('up') == 1 } 20, 'the store to be up';
is $metric->('failovers_total'), 1, 'one failover';
cmp_ok $metric->('reconnects_total'), '>', $reconnects, 'and connections made again';
