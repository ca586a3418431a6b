# Somebody else's login: states forged, replayed and swapped, callbacks that another browser is made to open,
# planted login cookies, cookies of other applications and other names.  RFC 6749 10.12, RFC 9700 4.7.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# who an answer's session is: the name that the application got, or ''
sub VcitaFlow::Code::who {
    my ($b, $url) = @_;
    my $r = $b->get($url // VcitaFlow::url('/'));
    return $r->status == 200 ? +(map { lc $_->[0] eq 'x-who' ? $_->[1] : () } @{ $r->json->{headers} })[0] // '' : '';
}

sub VcitaFlow::Code::code_of { my ($sub) = @_; return VcitaStub::stub_code({ userinfo => { set => { sub => $sub } } }) }

my $GATED = 'location / { vcita_oauth on; proxy_set_header X-Who $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }';

Test::Nginx::Socket::add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => $GATED) if !defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: state forgery: made up, of another length, cut, doubled, joined from two, of another alphabet: nothing is sent to vcita
--- flow
my ($a, $b) = (begun('/a'), begun('/b'));
my ($x, $y) = map { $_->res->param('state') } $a, $b;
my $half = int(length($x) / 2);
my %forged = (empty => '', one => 'A', made => 'A' x length $x, zeros => "\0" x 40, longer => $x . 'A', 'longer by four' => $x . 'AAAA', shorter => substr($x, 0, -1),
    doubled => $x . $x, joined => substr($x, 0, $half) . substr($y, $half), 'front cut' => substr($x, 4), padded => "$x==", blank => "$x ", upper => uc $x,
    standard => $x =~ tr{_-}{/+}r . '+/', 'null behind' => "$x\0", dotted => "$x.$y", comma => "$x,$y", login => $a->cookie('vcita_session_login'),
    json => '{"return":"/"}', jwt => 'eyJhbGciOiJub25lIn0.eyJyIjoiLyJ9.', long => 'A' x 4000);
for my $name (sort keys %forged) {
    my $r = $a->come_back(code => stub_code, state => $forged{$name});
    answered($r, 400, 'invalid_state', $name);
}
for my $at (0 .. 7, map { int($_ * (length($x) - 1) / 16) } 1 .. 16) {
    my $flipped = $x;
    substr($flipped, $at, 1) = substr($flipped, $at, 1) eq 'A' ? 'B' : 'A';
    answered($a->come_back(code => stub_code, state => $flipped), 400, 'invalid_state', "byte $at");
}
is who($a->clone), '', 'nobody is in';
answered($a->come_back(code => stub_code, state => $x), 303, '', 'the right one', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_state

=== TEST 2: replay: of a callback by the same browser, after a logout, and by another browser
--- config
location / { vcita_oauth on; proxy_set_header X-Who $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout /bye; }
location = /bye { return 200 bye; }
--- flow
my $b = begun('/');
my $to = $b->callback_url(code => code_of('alice'));
answered($b->get($to), 303, '', 'the login', session => 1, sent => 'token userinfo');
answered($b->get($to), 303, '', 'again');
my $before = $b->clone;
is $b->get('/logout')->status, 303, 'out';
my $r = $b->get($to);
is $r->status, 302, 'after the logout: a new login';
is sent_to_vcita(), '', 'the code is not sent again';
is who($b), '', 'nobody is in';

# a cookie jar from before: the code was used, and vcita says so
$before->delete_cookie('vcita_session');
$r = $before->get($to);
is $r->status, 302, 'without the session, with the login cookie: vcita refuses the code, a new login';
is sent_to_vcita(), 'token', 'it was asked';
is who($before), '', 'nobody is in';

$r = browser()->get($to);
answered($r, 302, 'state_mismatch', 'another browser');

=== TEST 3: login CSRF: the attacker's callback in the victim's browser never signs the victim in as the attacker
--- flow
my $evil = begun('/');
my $to = sub { $evil->callback_url(code => code_of('mallory')) };
my $strange = sub { my ($b, $name, @h) = @_;
    my $r = $b->get($to->(), headers => [@h]);
    is sent_to_vcita(), '', "$name: no code is sent";
    isnt who($b), 'mallory', "$name: not as mallory";
    is_deeply [ grep { /^vcita_session=[^;]/ } @{ $r->set_cookies } ], [], "$name: no session";
};
my @from = ([], [ 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document' ], [ 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'iframe' ],
    [ 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'no-cors', 'Sec-Fetch-Dest' => 'image' ], [ Referer => 'https://evil.example/' ]);
for my $h (@from) {
    my $name = join ' ', @$h;
    $strange->(browser(), "no cookie $name", @$h);
    $strange->(begun('/'), "a login of her own $name", @$h);
}
my $victim = begun('/');
$victim->come_back(code => code_of('alice'));
sent_to_vcita();
for my $h (@from) {
    $strange->($victim, "signed in @$h", @$h);
    is who($victim), 'alice', 'she is who she was';
}
$evil->get('/again');
my $later = $evil->callback_url(code => code_of('mallory'));
$victim->get($later);
is who($victim), 'alice', 'a newer state of the attacker changes nothing';
for my $m (qw( POST PUT HEAD OPTIONS )) {
    is browser()->request($m => $later)->status, 405, "$m: 405";
}
is sent_to_vcita(), '', 'no code was sent';

=== TEST 4: login-cookie planting: by name, by a longer path, by many: only the one that this state was made for counts, and on https none that a neighbour host or http could set
--- gate
vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;
--- flow
my $evil = browser();
my $start = sub { my (@cookie) = @_;
    my $r = browser()->get(url('/'), headers => [ @cookie ? (Cookie => join '; ', @cookie) : (), Host => 'portal.example.com' ]);
    my ($set) = map { /^(__Host-vcita_session_login=[\w-]{43});/ } @{ $r->set_cookies };
    return ($r->param('state'), $set) };
my ($state, $login) = $start->();
my ($value) = $login =~ /=(.*)/;
my $back = sub { my (@cookie) = @_;
    my $r = browser()->get(url("/oauth/callback?code=${\ code_of('mallory') }&state=$state"), headers => [ @cookie ? (Cookie => join '; ', @cookie) : (), Host => 'portal.example.com' ]);
    return $r };
for my $name ('vcita_session_login', '__Secure-vcita_session_login', '__host-vcita_session_login', '__Host-vcita_session_login2', ' __Host-vcita_session_loginx', '__Host-vcita_session') {
    is $back->("$name=$value")->status, 302, "$name: is none of this login";
}
is sent_to_vcita(), '', 'no code was sent';

# what a neighbour plants does not become this browser's own
my (undef, $set) = $start->("vcita_session_login=$value", "__Secure-vcita_session_login=$value");
isnt $set, $login, 'a login cookie of its own';
for my $odd ('', 'A', 'A' x 42, 'A' x 44, '=' x 43, '.' x 43, "$value.", "\"$value\"") {
    my (undef, $set) = $start->("__Host-vcita_session_login=$odd");
    like $set, qr/^__Host-vcita_session_login=[\w-]{43}$/, "'$odd' is replaced";
    isnt $set, "__Host-vcita_session_login=$odd", 'by another';
}
is $back->(map({ '__Host-vcita_session_login=' . chr(65 + $_) x 43 } 0 .. 20), $login)->status, 303, 'its own among many';

=== TEST 5: sessions swapped between applications, cookie names, hosts and purposes are none
--- http_config
vcita_oauth_userinfo_endpoint $VCITA_STUB/oauth/userinfo;
--- gate
no vcita_oauth_userinfo_endpoint;
--- config
vcita_oauth off;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /same/ {
    vcita_oauth on;
    vcita_oauth_cookie_name same;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/same/callback;
    proxy_pass $VCITA_APP;
}
location /app2/ {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name two;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/app2/callback;
    proxy_pass $VCITA_APP;
}
--- flow
my %app = ('/' => 'vcita_session', '/same/' => 'same', '/app2/' => 'two');
my (%jar, %state);
for my $url (sort keys %app) {
    $jar{$url} = browser();
    $state{$url} = $jar{$url}->get(url($url))->param('state');
    $jar{$url}->follow;
    is $jar{$url}->res->status, 200, "$url: in";
}
for my $to (sort keys %app) {
    for my $from (sort keys %app) {
        my $b = $jar{$from};
        my %value = (session => $b->cookie($app{$from}), login => $b->cookie("$app{$from}_login") // 'A' x 43, state => $state{$from});
        for my $what (sort keys %value) {
            my $in = $to eq $from && $what eq 'session';
            is browser()->get(url($to), headers => [ Cookie => "$app{$to}=$value{$what}" ])->status, $in ? 200 : 302, "$what of $from as the session of $to";
        }
        next if $from eq $to;
        my $r = browser()->get(url(($to eq '/' ? '/oauth' : $to =~ s{/$}{}r) . "/callback?code=${\ stub_code }&state=$state{$from}"),
            headers => [ Cookie => "$app{$to}_login=$value{login}" ]);
        is $r->status, 400, "a state of $from at the callback of $to";
        $r = browser()->get(url(($to eq '/' ? '/oauth' : $to =~ s{/$}{}r) . "/callback?code=${\ stub_code }&state=$value{session}"),
            headers => [ Cookie => "$app{$to}_login=$value{login}" ]);
        is $r->status, 400, "a session of $from as a state of $to";
    }
}
--- error_log
vcita callback refused: invalid_state

=== TEST 6: garbage codes: who has a good state and no good code gets no session, and takes no place from who has
--- gate
vcita_oauth_rate 40r/s;
--- flow
my @evil = map { begun('/') } 1 .. 12;
my $crowd = crowd;
$crowd->add($_, GET => $_->callback_url(code => 'garbage-' . 'x' x 20 . $_)) for @evil;
my $alice = begun('/mine');
$crowd->add($alice, GET => $alice->callback_url(code => code_of('alice')));
$crowd->run;
is who($alice), 'alice', 'she is in';
is scalar(grep { grep { /^vcita_session=[^;]/ } @{ $_->res->set_cookies } } @evil), 0, 'nobody else is';
is scalar(grep { $_->res->status == 302 } @evil), 12, 'they may try again';
