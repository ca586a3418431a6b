# The session: its cookie, what opens it, and what ends it.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# statuses of GET / with each of these Cookie headers, all down one connection
sub VcitaFlow::Code::statuses {
    my ($b, @cookies) = @_;
    my $host = '127.0.0.1:' . VcitaFlow::port();
    my $n = @cookies;
    my $r = $b->raw('127.0.0.1', VcitaFlow::port(), join '', map {
        "GET / HTTP/1.1\r\nHost: $host\r\nCookie: $_\r\n" . (--$n ? '' : "Connection: close\r\n") . "\r\n" } @cookies);
    return $r->body =~ m{^HTTP/1\.1 (\d{3}) }mg;
}

# a browser that is in, as somebody
sub VcitaFlow::Code::logged_in {
    my ($url, $who) = @_;
    my $b = VcitaCheck::begun($url);
    $b->next_hop;
    my $code = VcitaStub::stub_code($who ? { userinfo => { json => $who } } : {});
    my $r = $b->come_back(code => $code);
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

# what 20 positions of a cookie's value are
sub VcitaFlow::Code::positions {
    my ($n) = @_;
    my %at = map { $_ => 1 } 0, 1, 2, 3, $n - 2, $n - 1, map { int $_ * $n / 15 } 1 .. 14;
    return sort { $a <=> $b } keys %at;
}

# HUP, and back when none but new workers are there
sub VcitaFlow::Code::reloaded {
    my %old = map { $_ => 1 } VcitaFlow::nginx_reload();
    VcitaFlow::Code::wait_for { !grep { $old{$_} } VcitaFlow::nginx_workers() } 10, 'the old workers to go';
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => 'keepalive_requests 1000000; ' . ($block->config
        // 'location / { vcita_oauth on; add_header X-Sub $vcita_oauth_claim_sub always; proxy_pass $VCITA_APP; }'));
});

run_tests();

__DATA__

=== TEST 1: HttpOnly; Path=/; SameSite=Lax; Max-Age=<left>; the value is base64url
--- flow
my $r = begun('/')->come_back(code => stub_code);
answered($r, 303, '', 'login', session => 1, sent => 'token userinfo');
my %line = map { /^([^=]+)=/ ? ($1 => $_) : () } @{ $r->set_cookies };
is_deeply [ sort keys %line ], [ qw( vcita_session vcita_session_login ) ], 'both cookies';
like $line{vcita_session}, qr{^vcita_session=[A-Za-z0-9_-]+; Max-Age=28800; Path=/; HttpOnly; SameSite=Lax$}, 'session';
like $line{vcita_session_login},
    qr{^vcita_session_login=[A-Za-z0-9_-]{43}\.1\.\d+; Max-Age=600; Path=/; HttpOnly; SameSite=Lax$}, 'login';
my ($a, $b) = map { $_->cookie('vcita_session') } logged_in('/'), logged_in('/');
isnt $a, $b, 'never the same value';


=== TEST 2: Secure where redirect_uri is https: `__Host-name`; `__Secure-name` where a domain is set
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name portal.example.com;
    vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /ping { return 200; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name other.example.com;
    vcita_oauth on;
    vcita_oauth_redirect_uri https://other.example.com/oauth/callback;
    vcita_oauth_cookie_domain example.com;
    vcita_oauth_cookie_samesite none;
    vcita_oauth_cookie_name sid;
    vcita_oauth_session_timeout 1h;
    vcita_oauth_login_timeout 5m;
    location / { proxy_pass $VCITA_APP; }
}
--- suppress_stderr
--- flow
my %want = (
    'portal.example.com' => [ '__Host-vcita_session', 'Max-Age=28800; Path=/; Secure; HttpOnly; SameSite=Lax',
                              '__Host-vcita_session_login', 'Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax' ],
    'other.example.com'  => [ '__Secure-sid',
        'Max-Age=3600; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=None; Partitioned',
        '__Secure-sid_login', 'Max-Age=300; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=None; Partitioned' ],
);
my $attr_of = sub { my (undef, @attr) = split /; /, $_[0]; return [ sort @attr ] };
for my $host (sort keys %want) {
    my ($name, $attr, $login, $login_attr) = @{ $want{$host} };
    # the way of a site behind a proxy that ends TLS
    my $b = browser(headers => [ Host => $host ]);
    my $r = $b->get('/');
    my ($line) = grep { /^\Q$login\E=/ } @{ $r->set_cookies };
    my $value = $line =~ /=([\w-]{43});/ && $1;
    is_deeply $attr_of->($line), $attr_of->("x=y; $login_attr"), "$login as it should be";
    $r = $b->get('/oauth/callback?code=' . stub_code . '&state=' . $r->param('state'),
        headers => [ Host => $host, Cookie => "$login=$value" ]);
    is $r->status, 303, "$host: in";
    is $r->location, "https://$host/", "$host: back";
    my ($session) = grep { /^\Q$name\E=/ } @{ $r->set_cookies };
    is_deeply $attr_of->($session), $attr_of->("x=y; $attr"), "$name as it should be";
}


=== TEST 3: a plain vcita login fits in 450 bytes of cookie value
--- flow
my $who = { sub => 'a383717599bf1893', business_uid => 'ed469f8764326a66', directory_uid => 'u6g6s4q3386zs6j2',
            email => 'alexandra.longname@some-business.example.biz', role => 'owner', type => 'staff' };
my $n = length logged_in('/', $who)->cookie('vcita_session');
cmp_ok $n, '<=', 450, "bytes: $n";
cmp_ok $n, '>', 200, 'and all of them are there';
my $all = length logged_in('/')->cookie('vcita_session');
note "the whole of vcita's documented userinfo: $all";
cmp_ok $all, '<=', 700, "the whole of vcita's documented userinfo: $all";


=== TEST 4: a flipped bit is no session: all 255 other values at 20 positions, never a 500, never in
--- flow
my $b = logged_in('/');
my $good = $b->cookie('vcita_session');
is_deeply [ statuses($b, "vcita_session=$good") ], [ 200 ], 'the good one is in';

my @at = positions(length $good);
cmp_ok scalar(@at), '>=', 20, 'positions';
for my $at (@at) {
    my %got;
    my @bytes = grep { $_ ne substr $good, $at, 1 } map { chr } 0 .. 255;
    # these end a header line, or a request: each has a connection of its own
    my %alone = map { $_ => 1 } "\0", "\n", "\r";
    my $with = sub { my $s = $good; substr($s, $at, 1) = $_[0]; "vcita_session=$s" };
    $got{$_}++ for statuses($b, map { $with->($_) } grep { !$alone{$_} } @bytes);
    $got{ (statuses($b, $with->($_)))[0] // 'none' }++ for grep { $alone{$_} } @bytes;
    my $bad = delete($got{302}) + ($got{400} // 0);
    is $bad, 255, "position $at: a login, or a bad request";
    delete $got{400};
    is_deeply \%got, {}, "position $at: nothing else";
}
is_deeply [ statuses($b, "vcita_session=$good") ], [ 200 ], 'the good one is in still';


=== TEST 5: every value of the last character: never a 500, never in
--- flow
# boxes of each length modulo 3: their last character holds 6, 4 or 2 bits
my %seen;
for my $n (1 .. 12) {
    my $b = logged_in('/', { sub => 'x' x $n });
    my $good = $b->cookie('vcita_session');
    next if $seen{ length($good) % 4 }++;
    my $head = substr $good, 0, -1;
    my @other = grep { "$head$_" ne $good } map { chr } grep { $_ != 0 && $_ != 10 && $_ != 13 } 0 .. 255;
    my %got;
    $got{$_}++ for statuses($b, map { "vcita_session=$head$_" } @other);
    # white space is not part of a cookie's value
    is_deeply \%got, { 302 => scalar @other }, 'length ' . length($good) . ': none opens';
    is_deeply [ statuses($b, "vcita_session=$good") ], [ 200 ], 'the good one does';
}
is scalar(keys %seen), 3, 'three kinds';


=== TEST 6: truncation, and more than it was: never a 500, never in
--- flow
my $b = logged_in('/');
my $good = $b->cookie('vcita_session');
my @bad = ((map { substr $good, 0, $_ } 0 .. length($good) - 1), (map { substr $good, $_ } 1 .. length($good) - 1),
    map { "$good$_" } qw( A AA AAA AAAA = == . - ), $good, ",$good");
push @bad, map { "$_$good" } qw( A AA AAAA = ), '"';
push @bad, "\"$good\"", 'A' x 3800, 'A' x 5000, '%41' x 20;
my %got;
$got{$_}++ for map { statuses($b, map { "vcita_session=$_" } @$_) } [ @bad[ 0 .. 400 ] ], [ @bad[ 401 .. $#bad ] ];
is_deeply \%got, { 302 => scalar @bad }, scalar(@bad) . ' of them';


=== TEST 7: a session of one application is none of another's, nor one under another name
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name same.example.com;
    location / { vcita_oauth on; add_header X-Sub $vcita_oauth_claim_sub always; proxy_pass $VCITA_APP; }
    location = /ping { return 200; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name client.example.com;
    vcita_oauth_client_id app2;
    location / { vcita_oauth on; add_header X-Sub $vcita_oauth_claim_sub always; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name name.example.com;
    vcita_oauth_cookie_name other;
    location / { vcita_oauth on; add_header X-Sub $vcita_oauth_claim_sub always; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name secret.example.com;
    vcita_oauth_client_secret another-secret-0123456789abcdef;
    location / { vcita_oauth on; add_header X-Sub $vcita_oauth_claim_sub always; proxy_pass $VCITA_APP; }
}
--- flow
my $value = logged_in('/')->cookie('vcita_session');
for ([ client => 'vcita_session', 302 ], [ name => 'other', 302 ], [ name => 'vcita_session', 302 ],
     [ secret => 'vcita_session', 302 ], [ same => 'vcita_session', 200 ],
     [ 'none', 'vcita_session', 200 ])
{
    my ($host, $name, $status) = @$_;
    my $r = browser()->get('/', headers => [ Host => "$host.example.com", Cookie => "$name=$value" ]);
    is $r->status, $status, "other $host, as $name";
    is $r->header('X-Sub'), $status == 200 ? 'a383717599bf1893' : undef, "other $host, as $name: claims";
}
# what seals a state, or is a login cookie, is no session
my $b = begun('/');
is browser()->get('/', headers => [ Cookie => "vcita_session=$_" ])->status, 302, 'not a session'
    for $b->res->param('state'), $b->cookie('vcita_session_login');


=== TEST 8: of several cookies of the name, the first that opens counts
--- flow
my ($one, $two) = map { logged_in('/', { sub => $_ })->cookie('vcita_session') } qw( one two );
my $bad = substr($one, 1);
my $n = 0;
for ([ one => "vcita_session=$one; vcita_session=$two" ], [ two => "vcita_session=$two; vcita_session=$one" ],
     [ two => "vcita_session=$bad; vcita_session=$two; vcita_session=$one" ],
     [ one => "a=b; vcita_session=; vcita_session; vcita_session=x;vcita_session=$one;c=d" ],
     [ one => "vcita_session=$bad", "vcita_session=$one", "vcita_session=$two" ],
     [ two => "Vcita_session=$one; vcita_session=$two" ], [ two => "xvcita_session=$one; vcita_session=$two" ])
{
    my ($sub, @lines) = @$_;
    my $r = browser()->get('/', headers => [ map { (Cookie => $_) } @lines ]);
    is $r->status, 200, ++$n . ': in';
    is $r->header('X-Sub'), $sub, "$n: as $sub";
}


=== TEST 9: vcita_oauth_session_timeout: absolute life of a session
--- gate
vcita_oauth_session_timeout 2s;
--- config
location / { vcita_oauth on; add_header X-Left $vcita_oauth_expires always; proxy_pass $VCITA_APP; }
--- flow
my $b = logged_in('/');
my $c = $b->cookie_info('vcita_session');
is $c->{max_age}, 2, 'Max-Age';
$c->{until} = undef;
my ($r, @left);
wait_for { $r = $b->get('/'); push @left, $r->header('X-Left') // 'none'; $r->status != 200 } 6, 'the end';
is $r->status, 302, 'a new login';
cmp_ok scalar(@left), '>', 5, 'it was in until then';
pop @left;
is_deeply \@left, [ reverse sort @left ], 'seconds left, ever fewer';
is scalar(grep { !/^[012]$/ } @left), 0, 'never more than 2';
answered($b->come_back(code => stub_code), 303, '', 'then', session => 1, sent => 'token userinfo token userinfo');


=== TEST 10: never longer than the token's
--- gate
vcita_oauth_session_timeout 1h;
--- flow
for ([ 60, 60 ], [ 7200, 3600 ]) {
    my $b = begun('/');
    $b->come_back(code => stub_code({ token => { set => { expires_in => $_->[0] } } }));
    is $b->cookie_info('vcita_session')->{max_age}, $_->[1], "a token of $_->[0] s";
}


=== TEST 11: vcita_oauth_session_key_file: the first seals, all open (rotation)
--- master_on
--- gate
include ../html/keys.conf;
--- user_files
>>> key-a
key a, 0123456789abcdef0123456789abcdef
>>> key-b
key b, 0123456789abcdef0123456789abcdef
>>> keys.conf
vcita_oauth_session_key_file ../html/key-a;
--- suppress_stderr
--- flow
my $dir = servroot() . '/html';
my $keys = sub {
    open my $fh, '>', "$dir/keys.conf" or die $!;
    print $fh map { "vcita_oauth_session_key_file $dir/key-$_;\n" } @_;
    close $fh;
    reloaded();
};

$keys->('a');
my $old = logged_in('/');
my $begun = begun('/begun');
is $old->get('/')->status, 200, 'a session of key a';

$keys->(qw( b a ));
my $new = logged_in('/');
my $copy = $old->clone;
is $old->get('/')->status, 200, 'the old key opens';
my $r = $begun->come_back(code => stub_code);
is $r->status, 303, 'a login that began under the old key ends, its code_verifier too';
is $r->location, url('/begun'), 'at its address';
is scalar(grep { $_->status == 200 } $begun->follow), 1, 'and is in';

$keys->('b');
is $copy->get('/')->status, 302, 'without the old key its session is none';
is $old->get('/')->status, 200, 'unless it was sealed anew';
is $new->get('/')->status, 200, 'that of the new key is in';


=== TEST 12: two workers, a reload between redirect and callback: still logged in
--- workers: 2
--- master_on
--- flow
my @b = map { begun("/$_") } 1 .. 8;
reloaded();
my $crowd = crowd;
$crowd->add($_, GET => $_->callback_url(code => stub_code), follow => 1) for @b;
my @r = $crowd->run;
is scalar(grep { $_->status == 200 } @r), 8, 'all in';
is_deeply [ map { $_->json->{uri} } @r ], [ map { "/$_" } 1 .. 8 ], 'at their own addresses';

reloaded();
is scalar(grep { $_->get('/')->status == 200 } @b), 8, 'and in after one more reload';


=== TEST 13: an unsealed guess, and cookies of other lengths, never open
--- flow
my $b = browser();
my @bad = map { MIME::Base64::encode_base64url(join '', map { chr int rand 256 } 1 .. $_) } 0 .. 300;
# with the version of a real one
push @bad, map { my $v = $_; $v =~ s/^./A/s; $v } map { MIME::Base64::encode_base64url("\1" . 'x' x $_) } 0 .. 100;
my %got;
$got{$_}++ for statuses($b, map { "vcita_session=$_" } @bad);
is_deeply \%got, { 302 => scalar @bad }, scalar(@bad) . ' of them';


=== TEST 14: a plain vcita login with userinfo on and an id_token fits in 450 bytes: what both say is kept once, protocol claims are not
--- gate
vcita_oauth_userinfo on;
vcita_oauth_session_idle_timeout 1h all;
--- config
location / { vcita_oauth on; add_header X-Who "$vcita_oauth_claim_sub $vcita_oauth_claim_email $vcita_oauth_claim_type"; proxy_pass $VCITA_APP; }
--- flow
my %who = (sub => 'a383717599bf1893', business_id => 'ed469f8764326a66', business_uid => 'ed469f8764326a66',
           directory_uid => 'u6g6s4q3386zs6j2', email => 'alexandra.long@some.business.biz', role => 'owner', type => 'staff');
is length $who{email}, 32, 'an email of 32 characters';
my $b = begun('/');
my $r = $b->come_back(code => stub_code({ userinfo => { json => \%who }, id_token => id_token($b, set => { %who,
    azp => 'app1', nbf => time - 1, at_hash => 'MTIzNDU2Nzg5MDEyMzQ1Ng', jti => '0c5a2f9e-6a3b-4f4e-9d2e-1f2f3a4b5c6d' }) }));
answered($r, 303, '', 'a login', session => 1, sent => 'token userinfo');
my $n = length $b->cookie('vcita_session');
cmp_ok $n, '<=', 450, "bytes: $n";
is $b->get('/')->header('X-Who'), "$who{sub} $who{email} $who{type}", 'and all of them are there';
