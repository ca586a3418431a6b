# Sessions in a store: the cookie is an id, and the session is with us.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaStuck ();

my $GATED = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }'
    . ' location = /maybe { vcita_oauth optional; proxy_pass $VCITA_APP; }'
    . ' location = /logout { vcita_oauth_logout; }';

# a browser that is in, as somebody
sub VcitaFlow::Code::logged_in {
    my ($who, $url) = @_;
    my $b = VcitaCheck::begun($url // '/');
    my $r = $b->come_back(code => VcitaStub::stub_code($who ? { userinfo => { json => { sub => $who } } } : {}));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

# GET / with this Cookie header, by nobody in particular
sub VcitaFlow::Code::with {
    my ($cookie, %opt) = @_;
    return VcitaFlow::browser()->get($opt{url} // '/',
        headers => [ Cookie => $cookie, $opt{host} ? (Host => $opt{host}) : () ]);
}

# an id as the module makes them
sub VcitaFlow::Code::some_id { MIME::Base64::encode_base64url(join '', map { chr int rand 256 } 1 .. 32) }

# what the slow store is told: for as long as the block runs
sub VcitaFlow::Code::store_is {
    my ($what, $on) = @_;
    my $file = VcitaFlow::servroot() . "/html/$what";
    return unlink $file if !$on;
    open my $fh, '>', $file or die "$file: $!\n";
}

sub VcitaFlow::Code::stuck_at { VcitaStuck::stuck_at(@_) }
sub VcitaFlow::Code::zone_holder { VcitaStuck::zone_holder(@_) }

sub VcitaFlow::Code::reloaded {
    my %old = map { $_ => 1 } VcitaFlow::nginx_reload();
    VcitaFlow::Code::wait_for { !grep { $old{$_} } VcitaFlow::nginx_workers() } 10, 'the old workers to go';
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(http_config => "add_header X-Sub \$vcita_oauth_claim_sub always;\n"
        . "add_header X-In \$vcita_oauth_authenticated always;\n" . ($block->http_config // ''));
    $block->set_value(config => 'keepalive_requests 1000000; ' . ($block->config // $GATED));
    my $gate = $block->gate // '';
    $gate .= "\nvcita_oauth_session_store zone=sessions:1m;\n"
        if $gate !~ /vcita_oauth_session_store/ && !defined $block->must_die;
    $block->set_value(gate => $gate);
    if (defined $block->slow) {
        $block->set_value(main_config => "load_module \$VCITA_SLOW;\n" . ($block->main_config // ''));
        $block->set_value(http_config => 'vcita_oauth_slow_store ' . VcitaFlow::servroot() . "/html;\n" . $block->slow
            . ($block->http_config // ''));
        $block->set_value(flow => "store_is(\$_, 0) for qw( hold down dead flip mix );\n" . $block->flow);
    }
});

run_tests();

__DATA__

=== TEST 1: session_store zone: with a server-side store the cookie is a random 256-bit id
--- flow
my $r = begun('/deep?x=1')->come_back(code => stub_code);
answered($r, 303, '', 'a login', session => 1, sent => 'token userinfo');
my ($line) = grep { /^vcita_session=/ } @{ $r->set_cookies };
like $line, qr{^vcita_session=[A-Za-z0-9_-]{43}; Max-Age=28800; Path=/; HttpOnly; SameSite=Lax$}, 'the cookie';

my %seen;
for (1 .. 20) {
    my $b = logged_in("sub$_");
    is length $b->cookie('vcita_session'), 43, 'an id';
    $seen{ $b->cookie('vcita_session') }++;
    is scalar($b->get('/')->header('X-Sub')), "sub$_", 'its session';
}
is scalar(keys %seen), 20, 'never the same';


=== TEST 2: anything that is no id of a session is none: a new login, never a 500
--- flow
my $id = logged_in()->cookie('vcita_session');
is with("vcita_session=$id")->status, 200, 'the id is in';
my @bad = (some_id(), some_id(), (map { substr $id, 0, $_ } 0, 1, 21, 42), "${id}A", "A$id", "$id=", "\"$id\"",
    lc $id eq $id ? uc $id : lc $id, 'A' x 43, 'A' x 4000, $id =~ s/^./-/r =~ s/^-$/_/r, '+' . substr($id, 1),
    (map { my $n = $_; my $bad = $id; substr($bad, $n, 1) ^= "\x01"; $bad } 0 .. 42));
for my $bad (grep { $_ ne $id } @bad) {
    is with("vcita_session=$bad")->status, 302, "no session: $bad";
}
# the last character holds 4 bits: the 3 others that begin alike are no spelling of it
my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
my ($n) = grep { $alphabet[$_] eq substr $id, -1 } 0 .. 63;
is with('vcita_session=' . substr($id, 0, 42) . $alphabet[$n + $_])->status, 302, "another spelling, $_" for 1 .. 3;
is with("vcita_session=$id")->status, 200, 'the id is in still';
# what is sealed for other ends
is with('vcita_session=' . begun('/')->cookie('vcita_session_login'))->status, 302, 'a login cookie';


=== TEST 3: of several cookies of the name, the first that opens counts, from a store too
--- flow
my ($one, $two) = map { logged_in($_)->cookie('vcita_session') } qw( one two );
my $none = some_id();
for ([ one => "vcita_session=$one; vcita_session=$two" ], [ two => "vcita_session=$two; vcita_session=$one" ],
     [ two => "vcita_session=$none; vcita_session=x; vcita_session=$two; vcita_session=$one" ],
     [ one => "a=b; vcita_session=; vcita_session=" . ('A' x 43) . "; vcita_session=$one;c=d" ])
{
    is scalar(with($_->[1])->header('X-Sub')), $_->[0], $_->[1] =~ s/[\w-]{40,}/.../gr;
}


=== TEST 4: a login makes a new id: the one that somebody planted before stays none
--- flow
my $planted = some_id();
my $b = browser();
is $b->get('/')->status, 302, 'no session';
$b->set_cookie(vcita_session => $planted, domain => '127.0.0.1', path => '/');
my $r = $b->get($b->callback_url(code => stub_code));
is $r->status, 303, 'a login';
isnt $b->cookie('vcita_session'), $planted, 'another id';
is $b->get('/')->status, 200, 'in';
is with("vcita_session=$planted")->status, 302, 'the planted one is none';

my $old = $b->cookie('vcita_session');
$b->get('/logout');
is $b->get('/')->status, 302, 'out';
$b->come_back(code => stub_code);
isnt $b->cookie('vcita_session'), $old, 'and once more';


=== TEST 5: a logout ends the session in its store at once: a copied cookie is dead
--- flow
my ($b, $other) = (logged_in('one'), logged_in('two'));
my $copy = $b->cookie('vcita_session');
is with("vcita_session=$copy")->status, 200, 'a copy is in';
my $r = $b->get('/logout');
is $r->status, 200, 'logged out';
is $b->cookie('vcita_session'), undef, 'the cookie has expired';
is with("vcita_session=$copy")->status, 302, 'the copy is out';
is $other->get('/')->status, 200, 'somebody else is in still';

# whatever else the browser sends under the name ends with it
my @ids = map { logged_in()->cookie('vcita_session') } 1 .. 3;
with(join('; ', map { "vcita_session=$_" } 'x', $ids[0], some_id(), $ids[1]), url => '/logout');
is with("vcita_session=$ids[$_]")->status, (302, 302, 200)[$_], "cookie $_" for 0 .. 2;
is with('', url => '/logout')->status, 200, 'without a cookie';


=== TEST 6: a logout by another site ends nothing
--- flow
my $b = logged_in();
my $r = browser()->get('/logout', headers => [ 'Sec-Fetch-Site' => 'cross-site',
    Cookie => 'vcita_session=' . $b->cookie('vcita_session') ]);
like $r->body, qr{<button>}, 'it is asked';
is $b->get('/')->status, 200, 'in still';


=== TEST 7: vcita_oauth_session_timeout: a session in a zone ends with it
--- gate
vcita_oauth_session_timeout 2s;
--- flow
my $b = logged_in();
my $id = $b->cookie('vcita_session');
is $b->cookie_info('vcita_session')->{max_age}, 2, 'Max-Age';
my ($r, $n);
wait_for { $n++; $r = with("vcita_session=$id"); $r->status != 200 } 6, 'the end';
is $r->status, 302, 'a new login';
cmp_ok $n, '>', 5, 'it was in until then';


=== TEST 8: a session in a zone survives reloads, and all workers know it
--- workers: 2
--- master_on
--- flow
my @b = map { logged_in("sub$_") } 1 .. 6;
my %pid;
for my $round (1 .. 3) {
    my $crowd = crowd;
    $crowd->add($_, GET => url('/')) for (@b) x 4;
    is join(' ', map { $_->status . $_->header('X-Sub') } $crowd->run), join(' ', (map { "200sub$_" } 1 .. 6) x 4),
        "after $round reloads: all are in";
    reloaded();
}
my $copy = $b[0]->cookie('vcita_session');
$b[0]->get('/logout');
is with("vcita_session=$copy")->status, 302, 'a logout counts for all of them' for 1 .. 8;
is scalar(grep { $_->get('/')->status == 200 } @b[ 1 .. 5 ]), 5, 'for nobody else';


=== TEST 9: two applications may share one zone: a session of one is none of the other's
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name same.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /ping { return 200; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name other.example.com;
    vcita_oauth_client_id app2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name name.example.com;
    vcita_oauth_cookie_name other;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name elsewhere.example.com;
    vcita_oauth_session_store zone=elsewhere:1m;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name cookie.example.com;
    vcita_oauth_session_store cookie;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- flow
my $id = logged_in()->cookie('vcita_session');
for ([ other => 'vcita_session', 302 ], [ name => 'other', 302 ], [ elsewhere => 'vcita_session', 302 ],
     [ cookie => 'vcita_session', 302 ], [ same => 'vcita_session', 200 ])
{
    my ($host, $name, $status) = @$_;
    my $r = with("$name=$id", host => "$host.example.com");
    is $r->status, $status, "$host: status";
    is scalar($r->header('X-Sub')), $status == 200 ? 'a383717599bf1893' : undef, "$host: nobody";
}
is with("vcita_session=$id")->status, 200, 'at home it is in still';

# both live in the zone, side by side
my $b = browser(headers => [ Host => 'other.example.com' ]);
my $r = $b->get('/');
my ($login) = map { /^vcita_session_login=([\w-]+)/ } @{ $r->set_cookies };
$r = $b->get('/oauth/callback?code=' . stub_code . '&state=' . $r->param('state'),
    headers => [ Host => 'other.example.com', Cookie => "vcita_session_login=$login" ]);
is $r->status, 303, 'a login at the other';
my ($theirs) = map { /^vcita_session=([\w-]+)/ } @{ $r->set_cookies };
is with("vcita_session=$theirs", host => 'other.example.com')->status, 200, 'it is in';
is with("vcita_session=$theirs")->status, 302, 'not here';


=== TEST 10: vcita_oauth_session_store is inherited, and one of a location is its own application's
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /own/ {
    vcita_oauth on;
    vcita_oauth_session_store cookie;
    vcita_oauth_cookie_name own;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/own/callback;
    proxy_pass $VCITA_APP;
}
--- flow
is length logged_in()->cookie('vcita_session'), 43, 'an id';
cmp_ok length logged_in('x', '/own/')->cookie('own'), '>', 100, 'a sealed session';


=== TEST 11: an invalid vcita_oauth_session_store: what it takes
--- gate
vcita_oauth_session_store somewhere;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log eval
qr{"vcita_oauth_session_store" directive requires "cookie", "zone=name:size", (?:or )?a redis:.*URL.*nginx\.conf:\d+}


=== TEST 12: vcita_oauth_session_store cookie takes nothing else
--- gate
vcita_oauth_session_store cookie 1m;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log
"vcita_oauth_session_store" directive requires "cookie"


=== TEST 13: a zone without a size
--- gate
vcita_oauth_session_store zone=sessions;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log
"vcita_oauth_session_store" directive requires a zone as "zone=name:size"


=== TEST 14: a zone without a name
--- gate
vcita_oauth_session_store zone=:1m;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log
"vcita_oauth_session_store" directive requires a zone as "zone=name:size"


=== TEST 15: a zone with an invalid size
--- gate
vcita_oauth_session_store zone=sessions:1x;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log
"vcita_oauth_session_store" directive has an invalid zone size


=== TEST 16: a size too small is refused
--- gate
vcita_oauth_session_store zone=sessions:28k;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log eval
qr{session zone "sessions" is too small, the minimum is 32k in .*nginx\.conf:\d+}


=== TEST 17: one name of a zone with two sizes
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- config
location / { vcita_oauth on; }
location /own/ {
    vcita_oauth on;
    vcita_oauth_session_store zone=sessions:2m;
    vcita_oauth_cookie_name own;
    vcita_oauth_redirect_uri http://127.0.0.1/own/callback;
}
--- must_die
--- error_log eval
qr{the size 2097152 of shared memory zone "sessions" conflicts with already declared size 1048576 in .*nginx\.conf:\d+}


=== TEST 18: the name of a zone that is somebody else's
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- http_config
limit_req_zone $binary_remote_addr zone=sessions:1m rate=1r/s;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log
"sessions" is already


=== TEST 19: the name of the zone that the module itself makes
--- gate
vcita_oauth_session_store zone=vcita_oauth:64k;
--- config
location / { vcita_oauth on; }
--- must_die
--- error_log eval
qr{session zone name "vcita_oauth" is used by another zone.*nginx\.conf:\d+}


=== TEST 20: two applications that differ in their store alone share no cookie
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- config
location / { vcita_oauth on; }
location /own/ {
    vcita_oauth on;
    vcita_oauth_session_store cookie;
    vcita_oauth_redirect_uri http://127.0.0.1/own/callback;
}
--- must_die
--- error_log eval
qr{share the cookie "vcita_session", but differ in}


=== TEST 21: two applications that differ in their store alone are two
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- config
location / { vcita_oauth on; }
location /own/ { vcita_oauth on; vcita_oauth_session_store zone=other:1m; }
--- must_die
--- error_log
differ in "vcita_oauth_session_store"


=== TEST 22: a zone that is full: the least recently used go, the log says it once
--- gate
vcita_oauth_session_store zone=sessions:32k;
--- flow
return pass 'the zone is full from the first time' if round;
my @b = map { logged_in("sub$_") } 1 .. 120;
my @in = map { $_->get('/')->status == 200 ? 1 : 0 } @b;
my $kept = grep { $_ } @in;
note "of 120 sessions, $kept fit in 32k";
cmp_ok $kept, '>=', 20, "$kept are in";
cmp_ok $kept, '<', 120, 'not all';
is join('', @in), '0' x (120 - $kept) . '1' x $kept, 'those who came first are out, one by one';
my @said = error_log() =~ m{\[warn\].*(session zone "sessions" is full, \d+ least recently used sessions ended early)}g;
is scalar(@said), 1, 'a word about it';
is $b[0]->get('/')->status, 302, 'one who is out logs in again';


=== TEST 23: a zone that is full: those that have expired go first
--- gate
vcita_oauth_session_store zone=sessions:32k;
--- http_config
server { listen $TEST_NGINX_SERVER_PORT default_server; server_name first.example.com; location = /ping { return 200; } location / { vcita_oauth on; proxy_pass $VCITA_APP; } }
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name short.example.com;
    vcita_oauth_session_timeout 1s;
    vcita_oauth_cookie_name short;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- flow
return pass 'the zone is full from the first time' if round;
my $first = logged_in('first');
my @host = (headers => [ Host => 'short.example.com' ]);
my ($id) = ('');
for (1 .. 15) {
    my $r = browser(@host)->get('/');
    my ($login) = map { /^short_login=([\w-]+)/ } @{ $r->set_cookies };
    $r = browser()->get('/oauth/callback?code=' . stub_code . '&state=' . $r->param('state'),
        headers => [ Host => 'short.example.com', Cookie => "short_login=$login" ]);
    ($id) = map { /^short=([\w-]+)/ } @{ $r->set_cookies };
}
wait_for { with("short=$id", host => 'short.example.com')->status == 302 } 5, 'the last of them to end';
# these take the room of those
my @b = map { logged_in("sub$_") } 1 .. 60;
is scalar(grep { $_->get('/')->status == 200 } @b), 60, 'all are in';
is $first->get('/')->status, 200, 'the one who was there before them, too';


=== TEST 24: anonymous traffic stores nothing
--- gate
vcita_oauth_session_store zone=sessions:32k;
--- flow
my $b = logged_in();
my $crowd = crowd;
$crowd->add(browser(), GET => url('/'), headers => [ Cookie => 'vcita_session=' . some_id() ]) for 1 .. 300;
is scalar(grep { $_->status == 302 } $crowd->run), 300, 'logins begin';
is $b->get('/')->status, 200, 'the one session is in';
unlike error_log(), qr{is full}, 'there is room';


=== TEST 25: shared memory shows neither ids, nor tokens, nor who it is
--- flow
my $b = begun('/');
my $mark = 'who-' . join '', map { chr 97 + int rand 26 } 1 .. 24;
is $b->come_back(code => stub_code({ userinfo => { json => { sub => 's', email => $mark } } }))->status, 303, 'a login';
is $b->get('/')->status, 200, 'in';
my $id = $b->cookie('vcita_session');
my $raw = MIME::Base64::decode_base64url($id);
my $hash = do { require Digest::SHA; Digest::SHA::sha256($raw) };
my $seen = '';
my ($pid) = nginx_workers;
nginx_memory($pid, 's', sub { $seen .= $_[0] });
my $bytes = length $seen;
cmp_ok $bytes, '>=', 1024 * 1024, "$bytes bytes of shared memory";
cmp_ok index($seen, substr $hash, 8), '>', 0, 'the session is there, under its hash';
is index($seen, $id), -1, 'no id';
is index($seen, $raw), -1, 'nor its bytes';
is index($seen, $mark), -1, 'no claim';
my ($token) = map { $_->header('Authorization') =~ /Bearer (\S+)/ } (stub->requests('/oauth/userinfo'))[-1];
cmp_ok length $token, '>', 20, 'a token';
is index($seen, $token), -1, 'no token';
is index($seen, pack 'H*', $token), -1, 'nor its bytes' if $token =~ /^[0-9a-f]+$/;


=== TEST 26: claims that no cookie would hold are all there with a server-side store
--- config
location / {
    vcita_oauth on;
    add_header X-First $vcita_oauth_claim_c1;
    add_header X-Last $vcita_oauth_claim_c100;
    proxy_pass $VCITA_APP;
}
--- flow
my %claim = (sub => 'large', map { ("c$_" => "$_ " . 'x' x 200) } 1 .. 100);
my $b = begun('/');
is $b->come_back(code => stub->prepare({ userinfo => { json => \%claim } }))->status, 303, 'a login with 20 KB of claims';
my $r = $b->get('/');
is $r->status, 200, 'in';
is scalar($r->header('X-First')), $claim{c1}, 'the first claim';
is scalar($r->header('X-Last')), $claim{c100}, 'the last';


=== TEST 27: a session that is too large for its zone: 503, and the log says which
--- gate
vcita_oauth_session_store zone=sessions:32k;
--- flow
my $small = logged_in();
my $b = begun('/');
my $r = $b->come_back(code => stub->prepare({ userinfo => { json => { sub => 'large', map { ("c$_" => 'x' x 200) } 1 .. 100 } } }));
answered($r, 503, 'store_unavailable', 'it has no room', sent => 'token userinfo token userinfo');
like error_log(), qr{\[error\].*a session of \d+ bytes is too large for session zone "sessions", make the zone larger}, 'the log';
is $small->get('/')->status, 200, 'nobody had to go for it';
--- error_log
is too large for session zone


=== TEST 28: a store that answers late: all is as if it had answered at once
--- slow
--- config
error_page 404 /nothing.html;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /files/ { vcita_oauth on; try_files $uri /files/there; }
location = /files/there { vcita_oauth on; proxy_pass $VCITA_APP; }
location /nothing.html { vcita_oauth on; proxy_pass $VCITA_APP; }
location /no/ { vcita_oauth on; log_not_found off; root html; }
location = /maybe { vcita_oauth optional; proxy_pass $VCITA_APP; }
location = /any { satisfy any; deny all; vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my $b = begun('/reports?year=2026');
answered($b->come_back(code => stub_code), 303, '', 'a login', session => 1, sent => 'token userinfo');
my $r = $b->follow;
is $r->status, 200, 'in';
is $r->json->{uri}, '/reports?year=2026', 'at its address';
is scalar($b->get($_)->header('X-Sub')), 'a383717599bf1893', "$_ knows who" for '/', '/files/x', '/no/thing';
is scalar($b->get('/maybe')->header('X-In')), 1, 'optional: in';
is scalar(browser()->get('/maybe')->header('X-In')), 0, 'optional: nobody';
is $b->get('/any')->status, 200, 'satisfy any';
is browser()->get('/any')->status, 302, 'satisfy any: nobody';
is with('vcita_session=' . some_id())->status, 302, 'an id of none: a login';

# a body waits with it
my $body = join '', map { chr 97 + $_ % 26 } 1 .. 200_000;
$r = $b->request(POST => '/', body => $body);
is $r->status, 200, 'a post';
is length $r->json->{body}, length $body, 'with its body';

# one connection, requests down it before the first is answered
my $cookie = 'vcita_session=' . $b->cookie('vcita_session');
my $host = '127.0.0.1:' . port;
$r = $b->raw('127.0.0.1', port, join '', map {
    "GET /$_ HTTP/1.1\r\nHost: $host\r\nCookie: $cookie\r\n" . ($_ == 5 ? "Connection: close\r\n" : '') . "\r\n" } 1 .. 5);
is join(' ', $r->body =~ m{^HTTP/1\.1 (\d{3}) }mg), '200 200 200 200 200', 'pipelined';
is join(' ', $r->body =~ m{"uri":"/(\d)"}g), '1 2 3 4 5', 'in their order';

# of several cookies the last opens
is with('vcita_session=' . some_id() . '; vcita_session=' . some_id() . "; $cookie")->status, 200, 'the third of three';

# a double click: the session that is there is younger than the state
$r = $b->get($b->callback_url(code => stub_code));
is $r->status, 303, 'done already';
is sent_to_vcita(), '', 'nothing is sent';

is $b->get('/logout')->status, 200, 'logout';
is with($cookie)->status, 302, 'a copied cookie is dead';


=== TEST 29: a login is sent on when the store has its session, not before
--- slow
--- flow
my $b = begun('/');
my $crowd = crowd;
store_is('hold', 1);
$crowd->add($b, GET => $b->callback_url(code => stub_code));
$crowd->start;
$crowd->until(sub { error_log() =~ /slow store: write begins/ }, 5, 'the write');
is sent_to_vcita(), 'token userinfo', 'both calls are over';
is $crowd->pending, 1, 'no answer yet';
store_is('hold', 0);
my ($r) = $crowd->finish;
is $r->status, 303, 'then it is';
is $b->get('/')->status, 200, 'in';


=== TEST 30: the store does not answer: 503 store_unavailable at any gated request, never a pass
--- slow
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /maybe { vcita_oauth optional; proxy_pass $VCITA_APP; }
location = /any { satisfy any; deny all; vcita_oauth on; proxy_pass $VCITA_APP; }
location = /off { proxy_pass $VCITA_APP; }
--- flow
my $b = logged_in();
my $begun = begun('/begun');
my $calls = () = stub->app_requests;
for my $how (qw( down dead )) {
    store_is($how, 1);
    for my $url ('/', '/deep?x=1&y', '/maybe', '/any') {
        my $r = $b->get($url);
        is $r->status, 503, "$how $url: status";
        is scalar($r->header('X-Error')), 'store_unavailable', "$how $url: \$vcita_oauth_error";
        like scalar($r->header('Cache-Control')), qr/no-store/, "$how $url: not to be stored";
        is_deeply $r->set_cookies, [], "$how $url: no cookie";
        like $r->body, qr{<h1>We can't check your sign-in right now</h1>}, "$how $url: a page";
        my $on = url($url) =~ s/&/&amp;/gr;
        like $r->body, qr{<a href="\Q$on\E"}, "$how $url: with a way on";
        $r = $b->get($url, headers => [ 'X-Requested-With' => 'XMLHttpRequest', Accept => 'application/json' ]);
        is $r->status, 503, "$how $url: for a program";
    }
    is $b->get('/off')->status, 200, "$how: where the gate is off it opens";
    is browser()->get('/')->status, 302, "$how: nobody, without a cookie, begins a login";
    # the cookie says that there may be a session: the code is not spent
    sent_to_vcita();
    answered(with(join('; ', map { "$_->[1]=" . $_->[0]->cookie($_->[1]) }
                  [ $b, 'vcita_session' ], [ $begun, 'vcita_session_login' ]),
             url => $begun->callback_url(code => stub_code)), 503, 'store_unavailable', "$how: a callback");
    store_is($how, 0);
}
is scalar(() = stub->app_requests) - $calls, 2, 'the application saw the two of them';
is $b->get('/')->status, 200, 'when it answers again, the session is in';
like error_log(), qr{\[error\].*session store "sessions" is unavailable, check that it is running, reachable and not full}, 'the log';
--- error_log
is unavailable, check that


=== TEST 31: the store does not answer at the end of a login: 503, and no cookie
--- slow
--- flow
for my $how (qw( down dead )) {
    my $b = begun('/');
    sent_to_vcita();
    my $url = $b->callback_url(code => stub_code);
    store_is($how, 1);
    my $r = $b->get($url);
    answered($r, 503, 'store_unavailable', "a login, $how", sent => 'token userinfo');
    like $r->body, qr{<a href="\Q${\ url('/')}\E"}, 'a way on';
    store_is($how, 0);
    is $b->get('/')->status, 302, 'no session';
    is $b->come_back(code => stub_code)->status, 303, 'the next one succeeds';
    sent_to_vcita();
}
--- error_log
is unavailable, check that


=== TEST 32: the store does not answer a logout: 503, still signed in, and said so
--- slow
--- flow
my $b = logged_in();
for my $how (qw( down dead )) {
    store_is($how, 1);
    my $r = $b->get('/logout');
    is $r->status, 503, "$how: status";
    is scalar($r->header('X-Error')), 'store_unavailable', "$how: \$vcita_oauth_error";
    like $r->body, qr{<h1>You are still signed in</h1>}, "$how: said so";
    like $r->body, qr{<form method="post"><button>Sign out</button>}, "$how: a way on";
    is_deeply $r->set_cookies, [], "$how: the cookies stay";
    store_is($how, 0);
    is $b->get('/')->status, 200, "$how: in still";
}
my $copy = $b->cookie('vcita_session');
is $b->post('/logout', {})->status, 200, 'once more';
is with("vcita_session=$copy")->status, 302, 'out';
--- error_log
is unavailable, check that


=== TEST 33: store_unavailable honours error_page; a gated one is answered by the module's own page
--- slow
--- http_config
server { listen $TEST_NGINX_SERVER_PORT default_server; server_name first.example.com; location = /ping { return 200; } location / { vcita_oauth on; proxy_pass $VCITA_APP; } }
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name own.example.com;
    error_page 503 /503.html;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /503.html { internal; return 503 "the operator's: $vcita_oauth_error"; }
    location = /logout { vcita_oauth_logout; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name gated.example.com;
    vcita_oauth on;
    error_page 503 /503.html;
    location / { proxy_pass $VCITA_APP; }
    location = /logout { vcita_oauth off; vcita_oauth_logout; }
}
--- flow
my $cookie = 'vcita_session=' . logged_in()->cookie('vcita_session');
for my $how (qw( down dead )) {
    store_is($how, 1);
    for my $url (qw( / /logout )) {
        my $r = with($cookie, host => 'own.example.com', url => $url);
        is $r->status, 503, "$how $url: status";
        is $r->body, "the operator's: store_unavailable", "$how $url: the operator's page";
        $r = with($cookie, host => 'gated.example.com', url => $url);
        is $r->status, 503, "$how $url, gated: status";
        like $r->body, qr{<h1>We can't check your sign-in right now}, "$how $url, gated: ours";
    }
    store_is($how, 0);
}
--- error_log
is unavailable, check that


=== TEST 34: a value that does not open is no session: changed, or another session's
--- slow
--- flow
my ($one, $two) = map { logged_in($_) } qw( one two );
is scalar($one->get('/')->header('X-Sub')), 'one', 'in';

store_is('flip', 1);
is $two->get('/')->status, 302, 'a changed bit: a new login';
is $two->get('/maybe')->status, 200, 'optional';
is scalar($two->get('/maybe')->header('X-In')), 0, 'optional: nobody';
store_is('flip', 0);

is scalar($one->get('/')->header('X-Sub')), 'one', 'in again';
store_is('mix', 1);
is $two->get('/')->status, 302, 'the value of another session opens under no other id';
is scalar($one->get('/')->header('X-Sub')), 'one', 'it does under its own';
store_is('mix', 0);
is scalar($two->get('/')->header('X-Sub')), 'two', 'when the store gives what it was given, all is well';


=== TEST 35: the browser goes away while the store is asked: the operation is cancelled, nothing leaks
--- slow
--- flow
my $b = logged_in();
my @on_its_way = map { begun('/') } 1 .. 5;
my $fds = nginx_fds;
my $count = sub { my $n = () = error_log() =~ /slow store: $_[0]/g; $n };
for ([ read => map { [ $b->clone, url('/') ] } 1 .. 5 ], [ end => map { [ $b->clone, url('/logout') ] } 1 .. 5 ],
     [ write => map { [ $_, $_->callback_url(code => stub_code) ] } @on_its_way ])
{
    my ($what, @requests) = @$_;
    my ($begun, $cancelled) = map { $count->("$what $_") } qw( begins cancelled );
    store_is($what, 1);                      # a logout reads before it ends
    my $crowd = crowd;
    $crowd->add($_->[0], GET => $_->[1]) for @requests;
    $crowd->start;
    $crowd->until(sub { $count->("$what begins") == $begun + 5 }, 10, "all of $what to be asked");
    $crowd->abort_all;
    wait_for { $count->("$what cancelled") == $cancelled + 5 } 5, "all of $what to be cancelled";
    store_is($what, 0);
    wait_for { nginx_fds() <= $fds + 4 } 5, 'their connections to go';
}
is $b->get('/')->status, 200, 'the others go on';


=== TEST 36: a request that goes on elsewhere is not woken by the store
--- slow
limit_req_zone $http_n zone=one:32k rate=15r/m;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /gone { vcita_oauth on; post_action /after; proxy_pass $VCITA_APP; }
location = /before { limit_req zone=one; proxy_pass $VCITA_APP; }
location = /after { internal; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/late; }
location = /late { limit_req zone=one burst=5; proxy_pass $VCITA_APP; }
--- flow
my $b = logged_in();
my $count = sub { my $n = () = error_log() =~ /slow store: read $_[0]/g; $n };
my $seen = sub { scalar grep { $_->path eq '/late' } stub->app_requests };
my ($begun, $ended) = map { $count->($_) } qw( begins ends );
store_is('hold', 1);
my $crowd = crowd;
$crowd->add($b->tab, GET => url('/gone'), headers => [ N => round ]);
$crowd->start;
$crowd->until(sub { $count->('begins') > $begun }, 5, 'the read');
is browser()->get('/before', headers => [ N => round ])->status, 200, 'what is after this waits for 4 s';
$crowd->abort_all;
wait_for { error_log() =~ /delaying request/ } 5, 'the post_action to wait';
store_is('hold', 0);
wait_for { $count->('ends') > $ended } 5, 'the store to answer';
is browser()->get('/ping')->status, 200, 'the worker has done all that it has to do';
is scalar(() = error_log() =~ /delaying request/g), 1, 'the post_action did not begin anew';
wait_for { $seen->() } 10, 'it to end';
is $seen->(), 1, 'once';
is $b->get('/')->status, 200, 'the next one';


=== TEST 37: a request that nginx itself refuses does not wait for a store
--- slow
--- config
error_page 400 /bad.html;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /bad.html { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = logged_in();
my $n = () = error_log() =~ /slow store: read begins/g;
my $r = $b->raw('127.0.0.1', port, "GET / HTTP/1.1\r\nCookie: vcita_session=" . $b->cookie('vcita_session') . "\r\nHost: a b\r\n\r\n");
like $r->body, qr{^HTTP/1\.1 400 }, 'refused';
is scalar(() = error_log() =~ /slow store: read begins/g), $n, 'nobody was asked';


=== TEST 38: HTTP/2: streams that wait for a store, side by side
--- slow
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl http2;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /logout { vcita_oauth_logout; }
}
--- flow
if (`curl --version` !~ /^Features:.*\bHTTP2\b/m) {
    SKIP: { Test::More::skip('curl knows no HTTP/2', 1) }
    return pass 'nothing to test with';
}
my $b = logged_in();
my $curl = sub {
    my ($cookie, @urls) = @_;
    return join ' ', sort split /\n/, `curl --silent --http2 --parallel --cacert @{[ ca ]} --cookie vcita_session=$cookie @{[
        join ' ', map { "-o /dev/null https://localhost:${\ rand_port(1)}$_" } @urls ]} -w '%{http_version}:%{http_code}\n'`;
};
my $id = $b->cookie('vcita_session');
is $curl->($id, map { "/$_" } 1 .. 8), join(' ', ('2:200') x 8), 'with a session';
is $curl->(some_id(), map { "/$_" } 1 .. 8), join(' ', ('2:302') x 8), 'without';
is $curl->($id, '/logout'), '2:200', 'logout';
is with("vcita_session=$id")->status, 302, 'a copied cookie is dead';


=== TEST 39: a session that slides waits for its store, and the request goes on with it
--- slow
--- gate
vcita_oauth_session_idle_timeout 5s;
--- flow
my $b = logged_in('alice');
my $id = $b->cookie('vcita_session');
my $r;
wait_for { $r = $b->get('/'); @{ $r->set_cookies } } 5, 'a tenth of the idle time';
is $r->status, 200, 'in';
is scalar($r->header('X-Sub')), 'alice', 'with its session';
is $b->cookie('vcita_session'), $id, 'the id stays';
is scalar($r->header('Cache-Control')), 'private', 'private';
like error_log(), qr/slow store: replace begins/, 'the store has it anew';
wait_for { $b->get('/', headers => [ 'X-Requested-With' => 'XMLHttpRequest' ])->status == 401 } 10, 'the end of the idle time';


=== TEST 40: a logout by another site that the Origin alone betrays, and one that nobody has asked for, end nothing
--- flow
my $b = logged_in();
for ([ POST => Origin => 'https://evil.example' ], [ POST => Origin => 'null' ], [ HEAD => Accept => '*/*' ], [ GET => 'Sec-Purpose' => 'prefetch' ],
     [ GET => 'Sec-Fetch-Dest' => 'image' ])
{
    my ($method, @h) = @$_;
    my $r = $b->request($method, '/logout', headers => \@h);
    is $r->status, 200, "$method @h: status";
    is_deeply $r->set_cookies, [], "$method @h: no cookie is touched";
    is $b->get('/')->status, 200, "$method @h: in still";
}
is $b->post('/logout', {}, headers => [ Origin => url('') ])->status, 200, 'the button';
is $b->get('/')->status, 302, 'out';


=== TEST 41: a worker is killed while it changes the zone of the sessions: the zone starts empty, and kills no other worker
--- master_on
--- gate
vcita_oauth_session_store zone=sessions:1m;
vcita_oauth_session_idle_timeout 5s;
--- error_log
[alert]
shared memory zone "sessions" was emptied, a process died while it changed the zone
--- flow
my ($b, $other) = (logged_in('alice'), logged_in('bob'));
my ($first) = nginx_workers;

# a session that slides is written again: it is in one tree of the zone then, and not yet in the other
stuck_at($first, 'ngx_rbtree_insert_value');
my $crowd = crowd;
$crowd->add($b->tab, GET => url('/'), after => $_ / 10) for 1 .. 40;
$crowd->start;
$crowd->until(sub { zone_holder($first, 1024 * 1024) == $first }, 10, 'the worker to be in the midst of it');
kill KILL => $first;
wait_for { error_log() =~ /"sessions" was locked by $first/ } 5, 'the master to say so';
$crowd->finish;
wait_for { my ($pid) = nginx_workers; $pid && $pid != $first } 10, 'the next worker';

my ($second) = nginx_workers;
is $_->get('/')->status, 302, 'there is no session left' for $b, $other;
is $b->get('/logout')->status, 200, 'a logout';
my $again = logged_in('alice');
is $again->get('/')->status, 200, 'a new session';
is $again->get('/logout')->status, 200, 'which ends';
is $again->get('/')->status, 302, 'as it should';
is join(' ', nginx_workers), $second, 'by the same worker';
my @said = error_log() =~ /was emptied, a process died/g;
is scalar(@said), 1, 'a word about it';


=== TEST 42: people whom the rules refuse fill a zone: those who were let in stay in, whoever has signed in last
--- gate
vcita_oauth_session_store zone=sessions:32k;
--- config
location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub in*; proxy_pass $VCITA_APP; }
location = /part { vcita_oauth on; empty_gif; }
location = /page { ssi on; default_type text/html; return 200 '<!--# include virtual="/part" -->'; }
--- error_log
is not met by "out
--- flow
my @in = map { logged_in("in$_") } 1 .. 3;
is $_->get('/', headers => [ 'X-Requested-With' => 'XMLHttpRequest' ])->status, 200, 'let in, by what is no navigation' for @in;
is_deeply $in[0]->res->set_cookies, [], 'and no cookie';

my @out = map { logged_in("out$_") } 1 .. 120;
is $out[-1]->get('/')->status, 403, 'refused';
is $out[-1]->get('/page')->status, 200, 'a subrequest of it is let in';
is $out[0]->get('/')->status, 302, 'the first of them has made room';
is $_->get('/')->status, 200, 'in still' for @in;

# those whom the gate lets in, at whatever location, are like the first
my @late = map { my $b = logged_in("late$_"); $b->get('/part'); $b } 1 .. 3;
logged_in("out$_") for 1 .. 100;
is $_->get('/')->status, 403, 'in still, as somebody the rules refuse here' for @late;
is $_->get('/')->status, 200, 'in still' for @in;
is $out[-1]->get('/part')->status, 302, 'a subrequest has changed nothing';
unlike error_log(), qr{is full}, 'nobody was put out who had come in';


=== TEST 43: a person whom the rules refuse signs in as another account, and stays in
--- gate
vcita_oauth_session_store zone=sessions:32k;
--- config
location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub in*; proxy_pass $VCITA_APP; }
--- error_log
is not met by "out
--- flow
my $b = logged_in('out');
is $b->get('/')->status, 403, 'refused';
my ($switch) = $b->res->body =~ /href="([^"]+prompt=login[^"]*)"/ or die "no link\n";
stub->next({ userinfo => { json => { sub => 'in' } } });
is $b->visit($switch =~ s/&amp;/&/gr)->status, 200, 'let in as another account';
logged_in("out$_") for 1 .. 60;
is $b->get('/')->status, 200, 'in still';
