# Sessions in Redis: a real one, and one that misbehaves.

use lib 't/lib';
use VcitaRedis;
use VcitaTest;
use VcitaCheck;

my $REDIS = 'redis://127.0.0.1:$TEST_NGINX_REDIS_PORT';
my $GATED = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }'
    . ' location = /logout { vcita_oauth_logout; }'
    . ' location /asset/ { vcita_oauth on; alias $TEST_NGINX_SERVER_ROOT/html/; }';

# a browser that is in, as somebody
sub VcitaFlow::Code::logged_in {
    my ($who) = @_;
    my $b = VcitaCheck::begun('/');
    my $r = $b->come_back(code => VcitaStub::stub_code($who ? { userinfo => { json => { sub => $who } } } : {}));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

# GET / with the session of a browser, by nobody in particular
sub VcitaFlow::Code::with {
    my ($id, %opt) = @_;
    return VcitaFlow::browser()->get($opt{url} // '/', headers => [ Cookie => "vcita_session=$id" ]);
}

# what the log says of the store, each line once
sub VcitaFlow::Code::said {
    my %line;
    return grep { !$line{$_}++ } VcitaFlow::error_log() =~ /vcita_oauth_session_store (".*?)(?:,|$)/mg;
}

# a second, and what a worker remembers is over
sub VcitaFlow::Code::a_second_later {
    my $end = VcitaLoop::now() + 1.1;
    VcitaFlow::Code::wait_for { VcitaLoop::now() > $end } 5, 'a second';
}

sub VcitaFlow::Code::reloaded {
    my %old = map { $_ => 1 } VcitaFlow::nginx_reload();
    VcitaFlow::Code::wait_for { !grep { $old{$_} } VcitaFlow::nginx_workers() } 10, 'the old workers to go';
}

add_block_preprocessor(sub {
    my ($block) = @_;
    return if defined $block->must_die;
    $block->set_value(http_config => "add_header X-Sub \$vcita_oauth_claim_sub always;\n" . ($block->http_config // ''));
    $block->set_value(config => 'keepalive_requests 1000000; ' . ($block->config // $GATED));
    my $gate = $block->gate // '';
    $gate .= "\nvcita_oauth_session_store $REDIS timeout=500ms connect_timeout=500ms;\n"
        if $gate !~ /vcita_oauth_session_store/;
    $block->set_value(gate => $gate);
    my $begin = VcitaRedis::begin();
    # the log repeats itself after ten seconds only
    if (defined $block->once) {
        $begin = "return pass 'once is enough' if round; $begin";
        $block->set_value(no_error_log => join "\n", '[alert]', '[emerg]', $block->once =~ /(\S.*)/);
    }
    $block->set_value(flow => "$begin " . $block->flow) if defined $block->flow;
});

run_tests();

__DATA__

=== TEST 1: session_store redis: the cookie is an id; the session is in Redis, sealed, under a hash of it, and Redis ends it
--- flow
my $r = begun('/deep?x=1')->come_back(code => stub_code({ userinfo => { json => { sub => 'somebody' } } }));
answered($r, 303, '', 'a login', session => 1, sent => 'token userinfo');
my ($id) = map { /^vcita_session=([\w-]{43});/ } @{ $r->set_cookies };
ok $id, 'a random 256-bit id';

my @keys = redis->keys;
is scalar(@keys), 1, 'one key';
use Digest::SHA;
is $keys[0], 'vcita:' . Digest::SHA::sha256_hex(MIME::Base64::decode_base64url($id)), 'a prefix and the hash of the id';
my $value = redis->command(GET => $keys[0]);
unlike $value, qr/somebody/, 'nobody can read the value';
my $ttl = redis->command(TTL => $keys[0]);
cmp_ok $ttl, '>', 28700, 'TTL';
cmp_ok $ttl, '<=', 28800, 'of the session';

is scalar(with($id)->header('X-Sub')), 'somebody', 'in';
redis->command(DEL => $keys[0]);
a_second_later();
is with($id)->status, 302, 'Redis has dropped it: out';


=== TEST 2: a value that does not open is no session: flipped, cut, empty, of another key, of another type
--- flow
my ($one, $two) = map { logged_in($_)->cookie('vcita_session') } qw( one two );
use Digest::SHA;
my ($key, $other) = map { 'vcita:' . Digest::SHA::sha256_hex(MIME::Base64::decode_base64url($_)) } $one, $two;
my $value = redis->command(GET => $key);
for ([ flipped => $value ^ ("\0" x (length($value) - 1) . "\1") ], [ cut => substr $value, 0, 40 ], [ empty => '' ],
     [ longer => $value . 'x' ], [ text => 'hello' ], [ zeros => "\0" x 300 ], [ other => redis->command(GET => $other) ])
{
    a_second_later();
    redis->command(SET => $key, $_->[1]);
    is with($one)->status, 302, "$_->[0]: a new login";
}
a_second_later();
redis->command(SET => $key, $value);
is scalar(with($one)->header('X-Sub')), 'one', 'what was there opens again';


=== TEST 3: a worker keeps a just-read session for a second: a page with 50 assets costs one round trip
--- user_files
>>> a.css
body { }
--- flow
my $b = logged_in();
my $id = $b->cookie('vcita_session');
redis->command(qw( CONFIG RESETSTAT ));
my $head = "Host: 127.0.0.1\r\nCookie: vcita_session=$id\r\n";
my $r = browser()->raw('127.0.0.1', port, "GET /asset/a.css HTTP/1.1\r\n$head\r\n" x 49
    . "GET /asset/a.css HTTP/1.1\r\n${head}Connection: close\r\n\r\n");
is scalar(() = $r->body =~ m{^HTTP/1\.1 200 }mg), 50, 'a page of 50';
is redis->calls('get'), 1, 'one after the other: one command';

a_second_later();
is with($id, url => '/asset/a.css')->status, 200, 'later';
is redis->calls('get'), 2, 'a second later it is asked again';

a_second_later();
my $crowd = crowd();
$crowd->add($b->tab, GET => url('/asset/a.css')) for 1 .. 50;
is scalar(grep { $_->status == 200 } $crowd->run), 50, 'all at once';
is redis->calls('get'), 3, 'one command for all';


=== TEST 4: a missing session is not remembered: one that appears is seen at once
--- flow
my $id = logged_in()->cookie('vcita_session');
my ($key) = redis->keys;
my $value = redis->command(GET => $key);
redis->command(DEL => $key);
a_second_later();
is with($id)->status, 302, 'out';
redis->command(SET => $key, $value);
is with($id)->status, 200, 'in';


=== TEST 5: a logout ends the session in Redis, at once in its own worker, within a second in another
--- workers: 2
--- config
listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 reuseport;
location / { vcita_oauth on; proxy_pass $VCITA_APP; add_header X-Pid $pid always; }
location = /logout { vcita_oauth_logout; add_header X-Pid $pid always; }
--- flow
my $port = rand_port(1);
my $took;

# a busy machine may be late once
for (1 .. 3) {
    my $id = logged_in()->cookie('vcita_session');

    # both workers know it
    my %knows;
    wait_for { my $r = with($id, url => "http://127.0.0.1:$port/"); $knows{ $r->header('X-Pid') } = $r->status; keys %knows == 2 }
        20, 'two workers';
    is_deeply [ values %knows ], [ 200, 200 ], 'in';

    # one connection, so one worker
    my $host = "Host: 127.0.0.1\r\nCookie: vcita_session=$id\r\n";
    my $r = browser()->raw('127.0.0.1', $port, "GET / HTTP/1.1\r\n$host\r\nGET /logout HTTP/1.1\r\n$host\r\n"
        . "GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n");
    is_deeply [ $r->body =~ m{^HTTP/1\.1 (\d{3}) }mg ], [ 200, 200, 302 ], 'in, out, and out in its own worker at once';
    my $since = VcitaLoop::now();
    is join(' ', redis->keys), '', 'gone from Redis';

    %knows = ();
    wait_for { my $r = with($id, url => "http://127.0.0.1:$port/"); $knows{ $r->header('X-Pid') }++ if $r->status == 302;
               keys %knows == 2 } 3, 'out in the other';
    $took = VcitaLoop::now() - $since;
    last if $took < 1.3;
}
cmp_ok $took, '<', 1.3, 'within a second';


=== TEST 6: a logout that has been answered is done, however often
--- workers: 2
--- flow
my $left = 0;
for (1 .. 40) {
    my $b = logged_in();
    $b->get('/');
    my $r = $b->get('/logout');
    $left += scalar(redis->keys) + ($r->status != 200);
}
is $left, 0, 'no session is left';


=== TEST 7: Redis silent (SIGSTOP): 503 store_unavailable, never a pass, and no blocking call anywhere; then it goes on by itself
--- alone
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=400ms connect_timeout=400ms;
--- http_config
add_header X-Error $vcita_oauth_error always;
--- once
--- flow
my $b = logged_in();
my $id = $b->cookie('vcita_session');
is with($id)->status, 200, 'in';
a_second_later();

redis->pause;
my $r = with($id);
is $r->status, 503, 'silent';
is $r->header('X-Error'), 'store_unavailable', 'as $vcita_oauth_error';
like $r->header('Content-Type'), qr{^text/html}, 'a page says it';
cmp_ok $r->seconds, '>', 0.35, 'the time it may take';
cmp_ok $r->seconds, '<', 1.5, 'and no more';

# it is known to be dead: nobody waits
my @late;
for (1 .. 3) {
    my @r = map { with($id) } 1 .. 20;
    is scalar(grep { $_->status == 503 } @r), 20, 'all of them';
    @late = grep { $_->seconds > 0.2 * VcitaLoop::scale() } @r;
    last if !@late;
}
is scalar(@late), 0, 'at once';

# a login is not lost on a page that says nothing, nor let in without a session
$r = begun('/')->come_back(code => stub_code);
is $r->status, 503, 'a login';
is $r->header('X-Error'), 'store_unavailable', 'as well';
is $b->get('/logout')->status, 503, 'a logout says that it is none';

redis->resume;
wait_for { with($id)->status == 200 } 10, 'it goes on by itself';
is $b->get('/logout')->status, 200, 'a logout';
is with($id)->status, 302, 'and out';

# what blocks a worker does so each time; what else runs on this machine does not
my $p;
VcitaLoop::come_first(nginx_pid);
for (1 .. 5) {
    a_second_later();
    my $probe = probe(undef, nginx_pid);
    redis->pause;
    is with('A' x 43)->status, 503, 'silent';
    is with('A' x 43)->status, 503, 'again' for 1 .. 5;
    redis->resume;
    wait_for { with('A' x 43)->status == 302 } 10, 'back';
    $p = $probe->stop;
    is $p->{error}, undef, 'the probe';
    last if $p->{max_own_ms} < 30 * VcitaLoop::scale();
}
cmp_ok $p->{n}, '>', 50, "it ran $p->{n} times";
cmp_ok $p->{max_own_ms}, '<', 30 * VcitaLoop::scale(), "no gap over 30 ms: $p->{max_own_ms}";
like error_log(), qr/session_store "redis:[^"]*" is reachable again/, 'the log says when it is back';
is scalar(grep { /did not reply within|is unreachable/ } said), 1, 'and said once that it was away';
like error_log(), qr{did not reply within 400 ms}, 'the log says it';


=== TEST 8: Redis gone: 503 at once; started again: on it goes; a connection that Redis closes is made again
--- once
--- flow
my $id = logged_in()->cookie('vcita_session');
a_second_later();
is redis->clients, 1, 'one connection';
redis->command(qw( CLIENT KILL TYPE normal SKIPME yes ));
is with($id)->status, 200, 'closed by Redis while nobody used it: nobody notices';
is redis->clients, 1, 'one connection again';

# not after the 500 ms of a server that is silent; a busy machine may be late once
my $r;
for (1 .. 3) {
    redis->stop;
    a_second_later();
    $r = with($id);
    is $r->status, 503, 'gone';
    redis->start;
    wait_for { with($id)->status == 302 } 10, 'back, and empty: a new login';
    last if $r->seconds < 0.4;
}
cmp_ok $r->seconds, '<', 0.4, 'at once';
my $new = logged_in()->cookie('vcita_session');
is with($new)->status, 200, 'which is kept';
like error_log(), qr{is unreachable}, 'the log says it';


=== TEST 9: reads in flight when the connection breaks are repeated once on a new one; writes are not
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=2s connect_timeout=2s;
--- http_config
add_header X-Error $vcita_oauth_error always;
--- once
--- flow
my $f = fake_redis(GET => [ 'close', "\$-1\r\n" ]);
is with('A' x 43)->status, 302, 'repeated, and answered';
is $f->asked('GET'), 2, 'twice';
is $f->asked('CONNECTED'), 2, 'two connections';
$f->end;

$f = fake_redis(GET => 'close');
is with('A' x 43)->status, 503, 'closed again';
cmp_ok $f->asked('GET'), '<=', 2, 'twice at most';
$f->end;

$f = fake_redis(SET => [ 'close', "+OK\r\n" ], DEL => 'close');
wait_for { with('A' x 43)->status == 302 } 10, 'it is back';
my $r = begun('/')->come_back(code => stub_code);
is $r->status, 503, 'a write is not repeated';
is $r->header('X-Error'), 'store_unavailable', 'as $vcita_oauth_error';
is $f->asked('SET'), 1, 'once';
$r = browser()->get('/logout', headers => [ Cookie => 'vcita_session=' . 'A' x 43 ]);
is $r->status, 503, 'nor is a logout';
is $f->asked('DEL'), 1, 'once';
like error_log(), qr{closed the connection before replying}, 'the log says it';


=== TEST 10: an answer of a wrong type, an error, too long, half, no protocol, a push, an array: 503, and the log says what to do
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=300ms connect_timeout=300ms;
--- once: very secret words
--- master_on
--- flow
my $long = 'x' x 65536;
my @hostile = (
    [ ":1\r\n" => 'replied with a value of the wrong type: is it Redis' ], [ "+OK\r\n" => 'the wrong type' ],
    [ "-ERR very secret words\r\n" => 'replied with ERR: check its own log' ],
    [ "-NOAUTH Authentication required.\r\n" => 'NOAUTH: it requires a password' ],
    [ "-LOADING Redis is loading the dataset in memory\r\n" => 'LOADING: it is still loading' ],
    [ "-WRONGTYPE Operation against\r\n" => 'WRONGTYPE: another program uses keys' ],
    [ "-MOVED 3999 127.0.0.1:6381\r\n" => 'MOVED: it is a node of a cluster' ],
    [ "-NOPERM this user has no\r\n" => 'NOPERM: its user needs \+get' ],
    [ "-lower case\r\n" => 'replied with an error: check its own log' ], [ "-\r\n" => 'replied with an error' ],
    [ "-READONLY You can't write\r\n" => 'READONLY: it is a replica' ],
    [ "\$65537\r\nx$long\r\n" => 'sent a reply of over 64 KiB' ], [ "\$2000000000\r\n$long$long" => 'sent a reply of over 64 KiB' ],
    [ "+$long$long" => 'sent a reply of over 64 KiB' ], [ "*2\r\n\$1\r\na\r\n\$1\r\nb\r\n" => 'sent an array' ],
    [ "*0\r\n" => 'sent an array' ], [ "*2000000000\r\n" => 'sent an array|not valid RESP' ],
    [ ">2\r\n+a\r\n+b\r\n" => 'not valid RESP|array' ], [ "HTTP/1.1 400 Bad Request\r\n\r\n" => 'not valid RESP' ],
    [ "\$-2\r\n" => 'not valid RESP' ], [ "\$x\r\n" => 'not valid RESP' ], [ ":9999999999999999999999\r\n" => 'not valid RESP|wrong type' ],
    [ "\0\0\0\0" => 'not valid RESP' ], [ "\$5\r\nhel<close>" => 'closed the connection' ], [ "<close>" => 'closed the connection' ],
    [ "\$5\r\nhel" => 'did not reply within 300 ms' ], [ "\$-1\r\n+OK\r\n" => 'matches no command' ],
);
my $id = 'A' x 43;
for (@hostile) {
    my ($bytes, $says) = @$_;
    (my $name = substr $bytes, 0, 30) =~ s/[^ -~]+/./g;
    reloaded;
    my $f = fake_redis(GET => [ "\$-1\r\n", $bytes ], SET => $bytes, DEL => $bytes);
    wait_for { with($id)->status == 302 } 10, "Redis before $name";
    my $r = with($id);
    if ($bytes eq "\$-1\r\n+OK\r\n") {
        is $r->status, 302, "$name: answered, and closed";
        # it is seen behind an answer that is already on its way
        wait_for { grep /$says/, said } 10, 'the log';
    }
    else { is $r->status, 503, "$name: 503" }
    like join("\n", said), qr/$says/, "$name: the log says what to do";
    $f->end;
}
like error_log(), qr{vcita_oauth_session_store}, 'the log says it';


=== TEST 11: what Redis says about a login's session: anything but OK is 503
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=300ms connect_timeout=300ms;
--- once
--- flow
for my $bytes (":1\r\n", "+QUEUED\r\n", "\$2\r\nOK\r\n", "-OOM command not allowed\r\n", "-READONLY no\r\n", "*1\r\n+OK\r\n", 'close') {
    (my $name = $bytes) =~ s/[^ -~]+/./g;
    my $f = fake_redis(SET => $bytes);
    wait_for { with('A' x 43)->status == 302 } 10, "Redis before $name";
    my $r = begun('/')->come_back(code => stub_code);
    is $r->status, 503, "$name: 503";
    is scalar(grep { /^vcita_session=./ } @{ $r->set_cookies }), 0, 'no session';
    $f->end;
}
like error_log(), qr{vcita_oauth_session_store}, 'the log says it';


=== TEST 12: AUTH, SELECT and PING come first on a connection, in one write; the database; the prefix
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT/7 user=gate password=s:e/c@r%25et prefix=site-a:;
--- flow
my $f = fake_redis();
is with('A' x 43)->status, 302, 'asked';
my @seen = $f->seen;
is_deeply [ @seen[ 0 .. 4 ] ], [ ['connected'], [qw( AUTH gate s:e/c@r%25et )], [qw( SELECT 7 )], ['PING'], [qw( HELLO 2 )] ],
    'the greeting';
is $seen[5][0], 'GET', 'then the command';
like $seen[5][1], qr/^site-a:[0-9a-f]{64}$/, 'with the prefix';
begun('/')->come_back(code => stub_code);
my ($set) = grep { $_->[0] eq 'SET' } $f->seen;
is_deeply [ @$set[ 3, 4, 5 ] ], [ 'EX', '28800', undef ], 'SET with the seconds it has';
is $f->asked('CONNECTED'), 1, 'one connection for all';


=== TEST 13: rediss: user and password of the URL, percent-decoded; the server's certificate is verified
--- gate
vcita_oauth_session_store rediss://gate:p%40ss%2Fw%3Ard@localhost:$TEST_NGINX_REDIS_TLS_PORT/3 ca=$VCITA_CA;
--- flow
redis->command(qw( ACL SETUSER gate on resetkeys resetchannels -@all +get +set +del +select +ping ~vcita:* ), '>p@ss/w:rd');
my $id = logged_in()->cookie('vcita_session');
a_second_later();
is with($id)->status, 200, 'in';
is scalar(redis->keys), 0, 'nothing in database 0';
redis->command(SELECT => 3);
is scalar(redis->keys), 1, 'one key in database 3';
redis->command(SELECT => 0);
like redis->command(qw( CLIENT LIST )), qr/user=gate/, 'by its user';


=== TEST 14: rediss: an address instead of a name is verified, too
--- gate
vcita_oauth_session_store rediss://127.0.0.1:$TEST_NGINX_REDIS_TLS_PORT ca=$VCITA_CA;
--- flow
my $id = logged_in()->cookie('vcita_session');
a_second_later();
is with($id)->status, 200, 'in';


=== TEST 15: rediss with a wrong CA: 503, and the log says why
--- gate
vcita_oauth_session_store rediss://localhost:$TEST_NGINX_REDIS_TLS_PORT ca=$VCITA_CA_OTHER password=not-for-strangers;
--- once
--- flow
is with('A' x 43)->status, 503, '503' for 1 .. 3;
cmp_ok redis->calls('auth'), '==', 0, 'no password is sent';
like error_log(), qr{the certificate of "localhost" was rejected}, 'the log says it';


=== TEST 16: rediss to a plain Redis, or a silent one: 503; ssl_verify=off takes any certificate
--- gate
vcita_oauth_session_store rediss://localhost:$TEST_NGINX_REDIS_PORT ca=$VCITA_CA connect_timeout=300ms;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /off/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/off/callback;
    vcita_oauth_cookie_name off;
    vcita_oauth_session_store rediss://localhost:$TEST_NGINX_REDIS_TLS_PORT ca=$VCITA_CA_OTHER ssl_verify=off;
    proxy_pass $VCITA_APP;
}
--- once
--- flow
is with('A' x 43)->status, 503, 'a plain one';
is browser()->get('/off/', headers => [ Cookie => 'off=' . 'A' x 43 ])->status, 302, 'not verified';
like error_log(), qr{vcita_oauth_session_store}, 'the log says it';


=== TEST 17: a wrong password, none where one is wanted, one where none is: 503, and the log says which
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT password=wrong-1234;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /none/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/none/callback;
    vcita_oauth_cookie_name none;
    vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
    proxy_pass $VCITA_APP;
}
--- once: wrong-1234
--- flow
    redis->command(qw( CONFIG SET requirepass right ));
    is with('A' x 43)->status, 503, 'wrong';
    like join("\n", said), qr/WRONGPASS: it rejects user= or password=/, 'the log';
    is browser()->get('/none/', headers => [ Cookie => 'none=' . 'A' x 43 ])->status, 503, 'none';
    like join("\n", said), qr/NOAUTH: it requires a password/, 'the log';

    # the very connection above is remembered by no one: a right one is found by itself
    redis->command(qw( CONFIG SET requirepass wrong-1234 ));
    wait_for { with('A' x 43)->status == 302 } 10, 'right, by now';
like error_log(), qr{vcita_oauth_session_store}, 'the log says it';


=== TEST 18: a unix socket
--- gate
vcita_oauth_session_store redis://unix:$TEST_NGINX_REDIS_SOCKET:/5;
--- flow
my $id = logged_in()->cookie('vcita_session');
a_second_later();
is with($id)->status, 200, 'in';
redis->command(SELECT => 5);
is scalar(redis->keys), 1, 'one key in database 5';
redis->command(SELECT => 0);
like redis->command(qw( CLIENT LIST )), qr/redis\.sock/, 'by the socket';


=== TEST 19: password=file:
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT user=gate password=file:$TEST_NGINX_SERVER_ROOT/html/pass;
--- user_files
>>> pass
in the file
--- flow
redis->command(qw( ACL SETUSER gate on resetkeys -@all +get +set +del +select +ping ~vcita:* ), '>in the file');
my $id = logged_in()->cookie('vcita_session');
a_second_later();
is with($id)->status, 200, 'in';


=== TEST 20: rediss to another address than the certificate's: 503, and the log says why
--- once
--- gate
vcita_oauth_session_store rediss://127.0.0.2:$TEST_NGINX_REDIS_TLS_PORT ca=$VCITA_CA;
--- flow
is with('A' x 43)->status, 503, '503';
like error_log(), qr{the certificate of "127.0.0.2" was rejected: IP address mismatch}, 'the log says it';


=== TEST 21: more than 1,024 commands without an answer: the others are 503 at once
--- once
--- worker_connections: 4096
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=20s connect_timeout=20s;
--- flow
my $f = fake_redis(GET => [ "\$-1\r\n", 'hang' ]);
is with('A' x 43)->status, 302, 'it works';
my $crowd = crowd();
$crowd->add(browser(), GET => url('/'), headers => [ Cookie => sprintf 'vcita_session=%040dAAA', $_ ]) for 1 .. 1060;
$crowd->start;
$crowd->until(sub { 36 == grep { $_ && $_->status == 503 } $crowd->answers }, 15, 'those that are too many');
is $crowd->pending, 1024, 'the others wait';
wait_for { $f->asked('GET') == 1025 } 5, 'a question for each';
$f->end;
is scalar(grep { $_->status == 503 } $crowd->finish), 1060, 'and get none';
like error_log(), qr{has 1024 unanswered commands, no more are sent}, 'the log says it';


=== TEST 22: old workers finish what they wait for at a reload, and a connection holds none of them back
--- master_on
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=5s connect_timeout=5s;
--- flow
my $f = fake_redis(GET => [ "\$-1\r\n", "\$-1\r\n", sub { select undef, undef, undef, 0.7; "\$-1\r\n" }, "\$-1\r\n" ]);
is with('A' x 43)->status, 302, 'connected';
my $start = VcitaLoop::now();
reloaded;
cmp_ok VcitaLoop::now() - $start, '<', 3, 'an idle connection holds nothing back';

is with('A' x 43)->status, 302, 'connected again';
my $crowd = crowd();
$crowd->add(browser(), GET => url('/'), headers => [ Cookie => 'vcita_session=' . 'E' x 43 ]);
$crowd->start;
$crowd->until(sub { $f->asked('GET') == 3 }, 5, 'a request that waits');
my %old = map { $_ => 1 } nginx_reload;
my ($r) = $crowd->finish;
is $r->status, 302, 'is answered';
wait_for { !grep { $old{$_} } nginx_workers } 4, 'the old worker to go';


=== TEST 23: a worker that quits while Redis is being connected, silent, or gone, goes
--- once
--- master_on
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=300ms connect_timeout=300ms;
--- flow
my $id = logged_in()->cookie('vcita_session');
for my $how (qw( pause stop )) {
    redis->$how;
    a_second_later();
    is with($id)->status, 503, $how;
    reloaded;
    redis->resume;
    redis->start;
    wait_for { with($id)->status != 503 } 5, 'on it goes';
}


=== TEST 24: a browser that goes away while Redis is silent leaves nothing behind
--- once
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=2s connect_timeout=2s;
--- flow
my $f = fake_redis(GET => [ "\$-1\r\n", sub { select undef, undef, undef, 0.5; "\$-1\r\n" }, "\$-1\r\n" ],
                   SET => [ sub { select undef, undef, undef, 0.5; "+OK\r\n" } ]);
is with('A' x 43)->status, 302, 'it works';
my $crowd = crowd();
$crowd->add(browser(), GET => url('/'), headers => [ Cookie => 'vcita_session=' . 'E' x 43 ]) for 1 .. 5;
$crowd->start;
$crowd->until(sub { $f->asked('GET') == 2 }, 5, 'one question for five');
$crowd->abort(0 .. 2);
is scalar(grep { $_ && $_->status == 302 } $crowd->finish), 2, 'two are answered';

my $b = begun('/');
$crowd = crowd();
$crowd->add($b, GET => $b->callback_url(code => stub_code));
$crowd->start;
$crowd->until(sub { $f->asked('SET') == 1 }, 5, 'a session to be written');
$crowd->abort_all;
is with('A' x 43)->status, 302, 'the next is answered';


=== TEST 25: a page of 50 assets: 0.8 of the requests a second of sealed cookies that a worker has to open, at least
--- alone
--- log_level: warn
--- once
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
location /sealed/ {
    vcita_oauth on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/sealed/callback;
    vcita_oauth_cookie_name sealed;
    vcita_oauth_session_store cookie;
    alias $TEST_NGINX_SERVER_ROOT/html/;
}
location / { vcita_oauth on; alias $TEST_NGINX_SERVER_ROOT/html/; }
--- user_files
>>> a.css
body { }
--- flow
my $in = logged_in()->cookie('vcita_session');
# more than a worker remembers
my @sealed = map {
    my $b = browser();
    $b->get('/sealed/');
    $b->come_back(code => stub_code);
    'sealed=' . $b->cookie('sealed');
} 1 .. 300;
my %cookies = (redis => [ "vcita_session=$in" ], cookie => \@sealed);
my %url = (redis => '/a.css', cookie => '/sealed/a.css');

# seconds of CPU that the worker has used: what else the machine does is not counted
my $used = sub {
    open my $fh, '<', '/proc/' . nginx_pid . '/schedstat' or die "schedstat: $!";
    return (split ' ', <$fh>)[0] / 1e9;
};

# the best of each: what else the machine does only makes them slower
my (%best, $ratio);
VcitaLoop::come_first(nginx_pid);
for my $n (1 .. 20) {
    for my $store (qw( redis cookie )) {
        # 40 pages of 50 assets, a connection each
        my ($of, $sent) = ($cookies{$store}, 0);
        my @pages = map {
            join '', map {
                "GET $url{$store} HTTP/1.1\r\nHost: x\r\n" . ($_ == 50 ? "Connection: close\r\n" : '')
                    . "Cookie: $of->[$sent++ % @$of]\r\n\r\n"
            } 1 .. 50
        } 1 .. 40;
        my ($start, $ok) = ($used->(), 0);
        for my $bytes (@pages) {
            my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => port) or die;
            print $s $bytes;
            local $/;
            $ok += () = <$s> =~ m{^HTTP/1\.1 200 }mg;
        }
        my $seconds = $used->() - $start;
        is $ok, 2000, "all of them: $store" if $n == 1;
        $best{$store} = $seconds if !$best{$store} || $seconds < $best{$store};
    }
    $ratio = $best{cookie} / $best{redis};
    last if $n >= 5 && $ratio >= 0.8;
}
cmp_ok $ratio, '>=', 0.8, sprintf 'ratio %.2f: %.0f and %.0f requests a second of CPU', $ratio,
    2000 / $best{redis}, 2000 / $best{cookie};


=== TEST 26: the second of a session that was read begins when it was asked for, not when Redis has answered
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=5s connect_timeout=5s;
--- flow
my %kept;
my $f = fake_redis(SET => sub { $kept{ $_[1] } = $_[2]; "+OK\r\n" },
    GET => sub { select undef, undef, undef, 0.7; sprintf "\$%d\r\n%s\r\n", length $kept{ $_[1] }, $kept{ $_[1] } });
my $id = logged_in()->cookie('vcita_session');
my $start = VcitaLoop::now();
is with($id)->status, 200, 'read';
is with($id)->status, 200, 'from memory';
is $f->asked('GET'), 1, 'asked once';
wait_for { VcitaLoop::now() > $start + 1.1 } 5, 'a second from the beginning';
is with($id)->status, 200, 'read again';
is $f->asked('GET'), 2, 'asked again';


=== TEST 27: a session that slides is written again, with a new TTL; what has ended meanwhile is not
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
vcita_oauth_session_idle_timeout 6s;
--- flow
my $b = logged_in();
my ($key) = redis->keys;
my $value = redis->command(GET => $key);
my $r;
wait_for { $r = $b->get('/'); @{ $r->set_cookies } } 5, 'a tenth of the idle time';
is $r->status, 200, 'in';
isnt redis->command(GET => $key), $value, 'written again';
cmp_ok redis->command(TTL => $key), '<=', 6, 'for as long as it may be idle';

# a worker remembers it for a second, in which it slides
is $b->get('/')->status, 200, 'remembered';
redis->command(DEL => $key);
wait_for { $b->get('/')->status == 302 } 4, 'out';
is join(' ', redis->keys), '', 'it was not written anew';


=== TEST 28: a request with 536 cookies of the name makes eight GETs
--- config
large_client_header_buffers 4 32k;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $id = logged_in()->cookie('vcita_session');
my @bad = map { sprintf 'vcita_session=%042dA', $_ } 1 .. 536;
redis->command(qw( CONFIG RESETSTAT ));
is browser()->get('/', headers => [ Cookie => join '; ', @bad ])->status, 302, 'nobody';
is redis->calls('get'), 8, 'eight GETs';
is browser()->get('/', headers => [ Cookie => join '; ', @bad[0 .. 6], "vcita_session=$id" ])->status, 200, 'the eighth is in';


=== TEST 29: a person whom the rules refuse has a session of five minutes, one who is let in its whole life from then on
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
vcita_oauth_revalidate 1s;
--- config
location / { vcita_oauth on; vcita_oauth_revalidate off; vcita_oauth_require $vcita_oauth_claim_sub in*; proxy_pass $VCITA_APP; }
location = /part { vcita_oauth on; vcita_oauth_revalidate off; empty_gif; }
location = /page { ssi on; default_type text/html; return 200 '<!--# include virtual="/part" -->'; }
location = /asked { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub in*; proxy_pass $VCITA_APP; }
--- error_log
is not met by "out
--- flow
my $ttl = sub { my ($key) = redis->keys; redis->command(TTL => $key) };
my $within = sub { my ($most, $what) = @_; my $is = $ttl->(); ok $is > $most - 60 && $is <= $most, "$what: $is s" };

my $b = logged_in('out');
like "@{ $b->res->set_cookies }", qr/vcita_session=[^;]+;.* Max-Age=28800/, 'the cookie is kept as long as any';
$within->(300, 'not yet let in');
is $b->get('/')->status, 403, 'refused';
$within->(300, 'refused');
is $b->get('/page')->status, 200, 'a subrequest is let in';
$within->(300, 'a subrequest');

# claims that have changed are written down, for no longer
my ($asked) = (stub->requests('/oauth/userinfo'))[-1];
stub->userinfo(substr($asked->header('Authorization'), 7), { json => { sub => 'out', role => 'new' } });
my $calls = stub->requests('/oauth/userinfo');
wait_for { $b->get('/asked')->status == 403 && stub->requests('/oauth/userinfo') > $calls } 5, 'vcita to be asked';
is scalar(grep { /^vcita_session=/ } @{ $b->res->set_cookies }), 1, 'written again';
$within->(300, 'with other claims');

a_second_later();
redis->command(qw( CONFIG RESETSTAT ));
is $b->post('/part', {})->status, 405, 'let in elsewhere';
$within->(28800, 'let in');
is $b->get('/part')->status, 200, 'let in' for 1 .. 5;
is redis->calls('set'), 1, 'written once';

redis->command(DEL => $_) for redis->keys;
$b = logged_in('in');
my ($key) = redis->keys;
redis->command(DEL => $key);
is $b->get('/')->status, 302, 'what has ended before the first request stays so';
is join(' ', redis->keys), '', 'nothing is written';


=== TEST 30: an audit log: a logout that Redis does not answer is no event; the one that ends the session is, with who it was
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=400ms connect_timeout=400ms;
--- http_config
log_format audit '$vcita_oauth_event $status $vcita_oauth_account';
access_log logs/audit.log audit if=$vcita_oauth_event;
--- once
--- flow
my $audit = sub { open my $log, '<', servroot() . '/logs/audit.log' or return; chomp(my @line = <$log>); @line };
my $b = logged_in();
redis->pause;
is $b->get('/logout')->status, 503, 'silent: still signed in';
redis->resume;
wait_for { $b->get('/')->status == 200 } 10, 'it goes on';
is $b->get('/logout')->status, 200, 'a logout';
is $b->get('/logout')->status, 200, 'once more, by nobody';
wait_for { $audit->() >= 2 } 5, 'the log';
is_deeply [ $audit->() ], [ 'login 303 alice@example.biz', 'logout 200 alice@example.biz' ], 'one login, one logout';


=== TEST 31: three hundred replies in one piece, the 150th malformed, or the last: who has a reply is answered, the others ask again
--- once
--- worker_connections: 4096
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=20s connect_timeout=20s;
--- flow
my $none = "\$-1\r\n";
for ([ 'malformed', $none x 149 . "no RESP\r\n" . $none x 150, 151 ],
     [ 'closed after 150', $none x 150 . '<close>', 150 ],
     [ 'closed within a reply', $none x 150 . "\$5\r\nhel<close>", 150 ],
     [ 'one too many', $none x 301, 0 ])
{
    my ($what, $bytes, $again) = @$_;
    my $f = fake_redis(GET => [ $none, ('hang') x 299, $bytes, $none ]);
    wait_for { with('A' x 43)->status == 302 } 10, "Redis before $what";
    my $crowd = crowd();
    $crowd->add(browser(), GET => url('/'), headers => [ Cookie => sprintf 'vcita_session=%040dAAA', $_ ]) for 1 .. 300;
    $crowd->start;
    $crowd->until(sub { $f->asked('GET') == 301 + $again }, 15, 'all questions');
    is scalar(grep { $_ && $_->status == 302 } $crowd->finish), 300, "$what: all are answered";
    is $f->asked('GET'), 301 + $again, "$what: what had no reply was asked again, once";
    $f->end;
}
like error_log(), qr{not valid RESP}, 'the log says it';


=== TEST 32: three hundred commands fail at once, and half of the browsers go away meanwhile: the others get 503, nothing is left
--- once
--- worker_connections: 4096
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT timeout=20s connect_timeout=1s;
--- flow
my $f = fake_redis(GET => [ "\$-1\r\n", ('hang') x 299, 'close', 'hang' ]);
is with('A' x 43)->status, 302, 'it works';
my $crowd = crowd();
$crowd->add(browser(), GET => url('/'), headers => [ Cookie => sprintf 'vcita_session=%040dAAA', $_ ]) for 1 .. 300;
$crowd->start;
$crowd->until(sub { $f->asked('GET') == 601 }, 15, 'all to be asked, and asked again');

# the worker sees the end of Redis and of the browsers in one turn of its event loop
kill STOP => nginx_pid;
$f->end;
$crowd->abort(150 .. 299);
kill CONT => nginx_pid;
is scalar(grep { $_ && $_->status == 503 } $crowd->finish), 150, 'who waits is told';
$f = fake_redis();
wait_for { with('A' x 43)->status == 302 } 10, 'on it goes';
like error_log(), qr{vcita_oauth_session_store}, 'the log says it';
